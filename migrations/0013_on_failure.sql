-- Whose weights count when a challenge gives none: zero, last-good:N, primary, or primary,last-good:N.
ALTER TABLE challenges ADD COLUMN on_failure TEXT NOT NULL DEFAULT 'zero';
