-- What a restart must not forget of the breakers: a challenge that was left alone stays so until its time is over.
-- Written after the fact by a task of its own; what the last moment before a crash did is lost, and found out anew.
CREATE TABLE breakers (
    slug         TEXT    NOT NULL PRIMARY KEY REFERENCES challenges (slug) ON DELETE CASCADE,
    -- Milliseconds since 1970-01-01 UTC; NULL when it is closed.
    open_until   INTEGER CHECK (open_until >= 0),
    -- Why it opened, for the operator.
    reason       TEXT,
    -- How often the back-off was doubled.
    doublings    INTEGER NOT NULL CHECK (doublings >= 0),
    -- How often it opened.
    trips        INTEGER NOT NULL CHECK (trips >= 0),
    CHECK ((open_until IS NULL) = (reason IS NULL))
) STRICT;
