-- A miner's strategy, the newest one only.
CREATE TABLE strategies (
    hotkey TEXT PRIMARY KEY,
    automaton TEXT NOT NULL,
    submitted_at INTEGER NOT NULL
) STRICT;

-- What `hotkey` got from its match against `opponent`. Each match is here twice, once for each side.
CREATE TABLE matches (
    hotkey TEXT NOT NULL REFERENCES strategies ON DELETE CASCADE,
    opponent TEXT NOT NULL REFERENCES strategies ON DELETE CASCADE,
    points INTEGER NOT NULL,
    PRIMARY KEY (hotkey, opponent)
) STRICT, WITHOUT ROWID;

CREATE INDEX matches_by_opponent ON matches (opponent);
