-- What the container of a challenge may do beyond what all may: a JSON list of words. And the image that runs in place of a
-- component when the challenge needs GPUs.
ALTER TABLE challenges ADD COLUMN loosened TEXT NOT NULL DEFAULT '[]';
ALTER TABLE challenges ADD COLUMN fallback_image TEXT;
