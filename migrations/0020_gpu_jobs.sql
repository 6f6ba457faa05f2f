-- The token before the last rotation by its hash, so that whoever shows it can be known without the key that seals it.
ALTER TABLE challenge_tokens ADD COLUMN previous_hash BLOB;

-- The job that a lease was given for; NULL: a start of the challenge's own container. It has no row of jobs to go with: that may
-- be forgotten before its container is known to be gone.
ALTER TABLE gpu_leases ADD COLUMN job TEXT;
CREATE INDEX gpu_leases_of_jobs ON gpu_leases (job) WHERE job IS NOT NULL;

-- How many GPUs a job asked for, and once it has begun, where it runs and which it has.
ALTER TABLE jobs ADD COLUMN gpu_count INTEGER CHECK (gpu_count > 0);
ALTER TABLE jobs ADD COLUMN gpu_server TEXT;
-- JSON: the numbers of the GPUs.
ALTER TABLE jobs ADD COLUMN gpu_devices TEXT;
