-- Whom a challenge may send requests to: a JSON list of scheme, host and port. What was registered before sends none.
ALTER TABLE challenges ADD COLUMN outbound TEXT NOT NULL DEFAULT '[]';
