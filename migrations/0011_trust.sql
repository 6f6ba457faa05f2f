-- What a component of this challenge must show to run; NULL: what the configuration says. And whether the tag that
-- it was registered by is followed when it moves.
ALTER TABLE challenges ADD COLUMN trust TEXT;
ALTER TABLE challenges ADD COLUMN follow INTEGER NOT NULL DEFAULT 0 CHECK (follow IN (0, 1));
