-- The tokens by which containers know the host, sealed with the key of the secrets: the host has to send them.
CREATE TABLE challenge_tokens (
    slug   TEXT PRIMARY KEY REFERENCES challenges (slug) ON DELETE CASCADE,
    -- Nonce, ciphertext and tag, bound to the slug.
    sealed BLOB NOT NULL,
    -- Which key sealed it.
    key_id TEXT NOT NULL
) STRICT;
