-- The ledger of weights epochs. One row per epoch of one mechanism of one subnet of one chain; what was
-- recorded before a submission is what a restart submits.
CREATE TABLE epochs (
    genesis         TEXT    NOT NULL,
    netuid          INTEGER NOT NULL,
    mechanism       INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('begun', 'recorded', 'signed', 'included', 'finalised', 'skipped', 'failed')),
    block           INTEGER NOT NULL,
    block_hash      TEXT    NOT NULL,
    began_at        INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    policy          TEXT,
    vector          TEXT,             -- JSON: what was recorded
    report          TEXT,             -- JSON: how it came about
    attempts        INTEGER NOT NULL DEFAULT 0,
    extrinsic       TEXT,             -- JSON: the signed bytes, kept before they are sent
    included_block  INTEGER,
    included_hash   TEXT,
    on_chain        TEXT,             -- JSON: what the chain held afterwards
    reason          TEXT,             -- why it was skipped or failed
    PRIMARY KEY (genesis, netuid, mechanism, epoch)
) STRICT, WITHOUT ROWID;

-- What each challenge answered, as it came.
CREATE TABLE epoch_answers (
    genesis          TEXT    NOT NULL,
    netuid           INTEGER NOT NULL,
    mechanism        INTEGER NOT NULL,
    epoch            INTEGER NOT NULL,
    slug             TEXT    NOT NULL,
    component        TEXT,            -- digest of what answered; absent when it did not run
    emission_percent TEXT    NOT NULL,
    weights          TEXT,            -- JSON: [[hotkey, score], …]
    reason           TEXT,            -- why there is no answer
    PRIMARY KEY (genesis, netuid, mechanism, epoch, slug),
    FOREIGN KEY (genesis, netuid, mechanism, epoch) REFERENCES epochs (genesis, netuid, mechanism, epoch)
) STRICT, WITHOUT ROWID;
