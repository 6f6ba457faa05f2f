-- What a component may import beyond WASI: a JSON list of names. What was registered before imported nothing of it.
ALTER TABLE challenges ADD COLUMN grants TEXT NOT NULL
    DEFAULT '["sqlite","kv","blobs","crypto","metagraph","config","logging"]';
