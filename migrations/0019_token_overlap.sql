-- The token before the last rotation, sealed in the same way, and the last second in which it counts: a container that somebody
-- else runs is given the new one by hand.
ALTER TABLE challenge_tokens ADD COLUMN previous BLOB;
ALTER TABLE challenge_tokens ADD COLUMN previous_key_id TEXT;
ALTER TABLE challenge_tokens ADD COLUMN previous_until INTEGER;
