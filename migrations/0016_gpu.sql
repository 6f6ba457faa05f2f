-- Servers with GPUs, as their operator describes them, and what was found out about them.
CREATE TABLE gpu_servers (
    id          TEXT PRIMARY KEY,
    endpoint    TEXT    NOT NULL,
    -- Where the ports of its containers are published.
    address     TEXT    NOT NULL,
    -- JSON.
    labels      TEXT    NOT NULL,
    -- Kinds in the order of the GPUs' numbers: a100:4,h100:2.
    gpus        TEXT    NOT NULL,
    -- exclusive, or shared(N).
    lease       TEXT    NOT NULL,
    enabled     INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    description TEXT,
    -- Seconds since 1970-01-01 UTC; lost_at is NULL while its engine answers.
    lost_at     INTEGER CHECK (lost_at >= 0),
    created_at  INTEGER NOT NULL CHECK (created_at >= 0),
    updated_at  INTEGER NOT NULL CHECK (updated_at >= 0)
) STRICT;

-- Certificates and keys by which engines know the host, sealed with the key of the secrets.
CREATE TABLE gpu_server_tls (
    server TEXT PRIMARY KEY REFERENCES gpu_servers (id) ON DELETE CASCADE,
    sealed BLOB NOT NULL,
    -- Which key sealed it.
    key_id TEXT NOT NULL
) STRICT;

-- The places that there are: for each GPU as many as it may have holders. A place that is leased cannot be removed.
CREATE TABLE gpu_slots (
    server TEXT    NOT NULL REFERENCES gpu_servers (id) ON DELETE CASCADE,
    device INTEGER NOT NULL CHECK (device >= 0),
    slot   INTEGER NOT NULL CHECK (slot >= 0),
    PRIMARY KEY (server, device, slot)
) STRICT, WITHOUT ROWID;

-- Who has GPUs: one row for each start of a container. Neither challenge nor server can go while it may run.
CREATE TABLE gpu_leases (
    id          TEXT PRIMARY KEY,
    holder      TEXT    NOT NULL REFERENCES challenges (slug) ON DELETE RESTRICT,
    server      TEXT    NOT NULL REFERENCES gpu_servers (id) ON DELETE RESTRICT,
    -- Seconds since 1970-01-01 UTC.
    acquired_at INTEGER NOT NULL CHECK (acquired_at >= 0),
    -- expired: its server was lost, and nobody knows whether its container runs.
    state       TEXT    NOT NULL CHECK (state IN ('held', 'expired')),
    UNIQUE (id, server)
) STRICT;
CREATE INDEX gpu_leases_of_holder ON gpu_leases (holder);
CREATE INDEX gpu_leases_of_server ON gpu_leases (server);

-- The places that are taken. The primary key is why none has two holders.
CREATE TABLE gpu_leased (
    server TEXT    NOT NULL,
    device INTEGER NOT NULL,
    slot   INTEGER NOT NULL,
    lease  TEXT    NOT NULL,
    PRIMARY KEY (server, device, slot),
    -- One start has one place on a GPU.
    UNIQUE (lease, device),
    FOREIGN KEY (server, device, slot) REFERENCES gpu_slots (server, device, slot) ON DELETE RESTRICT,
    -- Of the same server as its lease.
    FOREIGN KEY (lease, server) REFERENCES gpu_leases (id, server) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Until now nobody read what records ask of GPUs, and nobody acted on it. From now on it is read: what cannot be is taken
-- out, or nobody could list the challenges of this host any more.
UPDATE challenges
    SET resources = json_remove(resources, '$.gpu_count', '$.gpus', '$.gpu_device_ids', '$.gpu_server', '$.gpu_capabilities')
    WHERE slug NOT IN (
        SELECT slug FROM (
            SELECT slug,
                ifnull(resources ->> '$.gpu_count', resources ->> '$.gpus') AS count,
                (resources ->> '$.gpu_count' IS NULL) + (resources ->> '$.gpus' IS NULL)
                    + (resources ->> '$.gpu_device_ids' IS NULL) = 2 AS says_how_many,
                resources ->> '$.gpu_device_ids' AS ids,
                resources ->> '$.gpu_server' AS server,
                resources ->> '$.gpu_capabilities' AS capabilities
            FROM challenges
        )
        WHERE says_how_many
            AND (count IS NULL OR (count NOT GLOB '*[^0-9]*' AND length(count) < 9 AND CAST(count AS INTEGER) BETWEEN 1 AND 64))
            AND (ids IS NULL OR (ids NOT GLOB '*[^0-9, ]*' AND CASE WHEN json_valid('[' || ids || ']') THEN (
                SELECT count(*) > 0 AND count(*) = count(DISTINCT value) AND max(value) < 64 FROM json_each('[' || ids || ']')
            ) END))
            AND (server IS NULL OR (server NOT GLOB '*[^A-Za-z0-9._-]*' AND length(server) BETWEEN 1 AND 64
                AND server NOT IN ('.', '..')))
            AND (capabilities IS NULL OR (capabilities NOT GLOB '*[^a-z0-9, ]*' AND (
                SELECT total(trim(value) NOT IN ('compute', 'compat32', 'display', 'gpu', 'graphics', 'nvidia', 'utility', 'video')) = 0
                FROM json_each('["' || replace(capabilities, ',', '","') || '"]')
            )))
    );
