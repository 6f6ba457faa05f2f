-- What challenges in containers have run, beside what components have. An image is a reference with its digest, as far as a
-- registry gave it one, and has no component.
CREATE TABLE versions_2 (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    slug      TEXT    NOT NULL REFERENCES challenges (slug) ON DELETE CASCADE,
    change    TEXT    NOT NULL CHECK (change IN ('registered', 'updated', 'rolled-back')),
    reference TEXT    NOT NULL,
    manifest  TEXT,
    -- NULL: an image.
    component TEXT,
    version   TEXT    NOT NULL,
    -- As they called themselves; NULL when nobody said.
    by_whom   TEXT,
    -- Seconds since 1970-01-01 UTC.
    made_at   INTEGER NOT NULL CHECK (made_at >= 0)
) STRICT;
INSERT INTO versions_2 SELECT number, slug, change, reference, manifest, component, version, by_whom, made_at FROM versions;
DROP TABLE versions;
ALTER TABLE versions_2 RENAME TO versions;
CREATE INDEX versions_of ON versions (slug, number);
INSERT INTO versions (slug, change, reference, version, made_at)
    SELECT slug, 'registered', reference, version, created_at
    FROM challenges WHERE artifact_kind = 'image' ORDER BY created_at, slug;

-- Images that an engine has because this host had it fetch them; others are not this host's to remove.
CREATE TABLE fetched_images (
    -- NULL: the host's own engine.
    server     TEXT    REFERENCES gpu_servers (id) ON DELETE CASCADE,
    -- By its digest, with the tag by which it was fetched, if there was one.
    image      TEXT    NOT NULL,
    -- When it was fetched, or last asked for. Seconds since 1970-01-01 UTC.
    fetched_at INTEGER NOT NULL CHECK (fetched_at >= 0)
) STRICT;
CREATE UNIQUE INDEX fetched_images_of ON fetched_images (ifnull(server, ''), image);
