-- How long an instance of a challenge lives: per-call, or warm(N, CALLS, AGE).
ALTER TABLE challenges ADD COLUMN instances TEXT NOT NULL DEFAULT 'per-call';
