-- What should run. Sets and maps are JSON text: they are read and written whole, never queried.
CREATE TABLE challenges (
    slug             TEXT    NOT NULL PRIMARY KEY,
    name             TEXT    NOT NULL,
    artifact_kind    TEXT    NOT NULL CHECK (artifact_kind IN ('component', 'image')),
    reference        TEXT    NOT NULL,
    -- A component file has no OCI manifest.
    manifest_digest  TEXT,
    component_digest TEXT,
    version          TEXT    NOT NULL,
    -- A decimal in text, exact.
    emission_percent TEXT    NOT NULL,
    status           TEXT    NOT NULL CHECK (status IN ('draft', 'active', 'inactive', 'disabled')),
    capabilities     TEXT    NOT NULL,
    data             TEXT    NOT NULL CHECK (data IN ('none', 'exclusive')),
    resources        TEXT    NOT NULL,
    volumes          TEXT    NOT NULL,
    env              TEXT    NOT NULL,
    secrets          TEXT    NOT NULL,
    description      TEXT,
    metadata         TEXT    NOT NULL,
    -- SHA-256 of the challenge token; the token itself is nowhere.
    token_hash       BLOB    NOT NULL CHECK (length(token_hash) = 32),
    token_hint       TEXT    NOT NULL,
    -- Seconds since 1970-01-01 UTC.
    created_at       INTEGER NOT NULL CHECK (created_at >= 0),
    updated_at       INTEGER NOT NULL CHECK (updated_at >= 0),
    CHECK ((artifact_kind = 'component') = (component_digest IS NOT NULL)),
    CHECK (artifact_kind = 'component' OR manifest_digest IS NULL)
) STRICT;
