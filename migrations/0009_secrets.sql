-- What challenges were given to read, or the host to send for them: sealed with a key that is in a file and not here.
CREATE TABLE secrets (
    slug        TEXT    NOT NULL REFERENCES challenges (slug) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    -- Nonce, ciphertext and tag, bound to slug, name and use.
    sealed      BLOB    NOT NULL,
    -- Which key sealed it.
    key_id      TEXT    NOT NULL,
    -- The requests into which the host puts it, and how; NULL when the challenge may read it.
    destination TEXT,
    header      TEXT,
    -- Seconds since 1970-01-01 UTC.
    set_at      INTEGER NOT NULL CHECK (set_at >= 0),
    PRIMARY KEY (slug, name),
    CHECK ((destination IS NULL) = (header IS NULL))
) STRICT;
