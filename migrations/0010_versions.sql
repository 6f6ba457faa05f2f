-- What each challenge has run, the newest last: where it came from, what it is, and who said so.
CREATE TABLE versions (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    slug      TEXT    NOT NULL REFERENCES challenges (slug) ON DELETE CASCADE,
    change    TEXT    NOT NULL CHECK (change IN ('registered', 'updated', 'rolled-back')),
    reference TEXT    NOT NULL,
    manifest  TEXT,
    component TEXT    NOT NULL,
    version   TEXT    NOT NULL,
    -- As they called themselves; NULL when nobody said.
    by_whom   TEXT,
    -- Seconds since 1970-01-01 UTC.
    made_at   INTEGER NOT NULL CHECK (made_at >= 0)
) STRICT;
CREATE INDEX versions_of ON versions (slug, number);
INSERT INTO versions (slug, change, reference, manifest, component, version, made_at)
    SELECT slug, 'registered', reference, manifest_digest, component_digest, version, created_at
    FROM challenges WHERE artifact_kind = 'component' ORDER BY created_at, slug;
