-- The ledger only grows, and its rows are large. Neither what is looked for at every block nor the newest
-- page may read all of it.
CREATE INDEX epochs_unfinished ON epochs (genesis, netuid, mechanism, epoch)
    WHERE state NOT IN ('finalised', 'skipped', 'failed');
CREATE INDEX epochs_by_age ON epochs (began_at, epoch);
