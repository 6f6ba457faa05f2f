-- How the public side serves a challenge, as JSON: the largest body, requests a second, web pages that may read it.
ALTER TABLE challenges ADD COLUMN serving TEXT NOT NULL DEFAULT '{}';
