-- The ledger of epochs: the row of an epoch as it is now, every step that it took, and every answer as it came. What was
-- recorded stays as it is, whoever writes here; only an epoch of which nothing was signed begins anew, and that is a step too.
DROP INDEX epochs_unfinished;
DROP INDEX epochs_by_age;
ALTER TABLE epoch_answers RENAME TO epoch_answers_before;
ALTER TABLE epochs RENAME TO epochs_before;

CREATE TABLE epochs (
    genesis         TEXT    NOT NULL,
    netuid          INTEGER NOT NULL,
    mechanism       INTEGER NOT NULL,
    numbering       TEXT    NOT NULL, -- tempo, every/N, or blocks: a number of blocks that was not written down
    epoch           INTEGER NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('begun', 'collected', 'recorded', 'submitted', 'included',
                                                      'finalised', 'revealed', 'skipped', 'failed')),
    step            INTEGER NOT NULL, -- the newest of its epoch_steps
    block           INTEGER NOT NULL,
    block_hash      TEXT    NOT NULL,
    began_at        INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    policy          TEXT,
    inputs          TEXT,             -- JSON: the subnet as it was when the challenges had answered
    vector          TEXT,             -- JSON: what was recorded
    report          TEXT,             -- JSON: how it came about
    attempts        INTEGER NOT NULL DEFAULT 0,
    call            TEXT,             -- the name of the chain's call
    extrinsic       TEXT,             -- JSON: the signed bytes, kept before they are sent
    sealed          TEXT,             -- JSON: what a commit is sealed to; NULL when the chain reads the weights at once
    included_block  INTEGER,
    included_hash   TEXT,
    on_chain        TEXT,             -- JSON: the weights that the chain held afterwards
    revealed_block  INTEGER,
    error           TEXT,             -- why it did not go on when it last tried
    reason          TEXT,             -- why it was skipped or failed
    PRIMARY KEY (genesis, netuid, mechanism, numbering, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE epoch_steps (
    genesis   TEXT    NOT NULL,
    netuid    INTEGER NOT NULL,
    mechanism INTEGER NOT NULL,
    numbering TEXT    NOT NULL,
    epoch     INTEGER NOT NULL,
    seq       INTEGER NOT NULL,       -- 1 for the first
    at        INTEGER NOT NULL,
    state     TEXT    NOT NULL,       -- where it led
    what      TEXT    NOT NULL,       -- JSON: all that it changed; inputs and report by their SHA-256
    error     TEXT,
    PRIMARY KEY (genesis, netuid, mechanism, numbering, epoch, seq),
    -- The step is written before the row that it leads to.
    FOREIGN KEY (genesis, netuid, mechanism, numbering, epoch)
        REFERENCES epochs (genesis, netuid, mechanism, numbering, epoch) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE epoch_answers (
    genesis          TEXT    NOT NULL,
    netuid           INTEGER NOT NULL,
    mechanism        INTEGER NOT NULL,
    numbering        TEXT    NOT NULL,
    epoch            INTEGER NOT NULL,
    seq              INTEGER NOT NULL, -- the step that collected it
    slug             TEXT    NOT NULL,
    place            INTEGER NOT NULL, -- the own answer is 0, what was tried in its place comes after it
    source           TEXT    NOT NULL, -- live, primary/HOTKEY, last-good/EPOCH
    component        TEXT,             -- digest of what answered; absent when it did not run
    state_digest     TEXT,             -- of the challenge's state that it answered from
    emission_percent TEXT    NOT NULL,
    weights          TEXT,             -- JSON: [[hotkey, score], …]
    reason           TEXT,             -- why it does not count; NULL when it does
    PRIMARY KEY (genesis, netuid, mechanism, numbering, epoch, seq, slug, place),
    CHECK (weights IS NOT NULL OR reason IS NOT NULL),
    FOREIGN KEY (genesis, netuid, mechanism, numbering, epoch, seq)
        REFERENCES epoch_steps (genesis, netuid, mechanism, numbering, epoch, seq) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

-- What an older host wrote. It counted by a number of blocks that it did not write down, so its epochs are of a numbering
-- of their own; what it called signed is submitted; its steps are one.
INSERT INTO epochs (genesis, netuid, mechanism, numbering, epoch, state, step, block, block_hash, began_at, updated_at,
                    policy, vector, report, attempts, call, extrinsic, included_block, included_hash, on_chain, reason)
    SELECT genesis, netuid, mechanism, 'blocks', epoch, iif(state = 'signed', 'submitted', state), 1, block, block_hash,
           began_at, updated_at, policy, vector, report, attempts, NULL, extrinsic, included_block, included_hash, on_chain,
           reason
    FROM epochs_before;
INSERT INTO epoch_steps (genesis, netuid, mechanism, numbering, epoch, seq, at, state, what)
    SELECT genesis, netuid, mechanism, numbering, epoch, 1, updated_at, state, '{"step":"carried_over"}' FROM epochs;
INSERT INTO epoch_answers (genesis, netuid, mechanism, numbering, epoch, seq, slug, place, source, component,
                           emission_percent, weights, reason)
    SELECT genesis, netuid, mechanism, 'blocks', epoch, 1, slug, 0, 'live', component,
           emission_percent, weights, reason
    FROM epoch_answers_before;
DROP TABLE epoch_answers_before;
DROP TABLE epochs_before;

-- The ledger only grows, and its rows are large: nothing that is looked for at every block, and no page of the newest, may
-- read all of it.
CREATE INDEX epochs_unfinished ON epochs (genesis, netuid, mechanism, began_at, epoch)
    WHERE state NOT IN ('revealed', 'skipped', 'failed') AND (state <> 'finalised' OR sealed IS NOT NULL);
CREATE INDEX epochs_by_age ON epochs (began_at, epoch);
CREATE INDEX epochs_by_number ON epochs (genesis, netuid, mechanism, epoch, began_at);
CREATE INDEX epochs_recorded ON epochs (genesis, netuid, mechanism, began_at, epoch) WHERE vector IS NOT NULL;
CREATE INDEX epoch_answers_good ON epoch_answers (genesis, netuid, mechanism, numbering, slug, epoch, seq)
    WHERE source = 'live' AND reason IS NULL;

CREATE TRIGGER epochs_begin BEFORE INSERT ON epochs
    WHEN NEW.state <> 'begun' OR NEW.step <> 1
        OR EXISTS (SELECT 1 FROM epochs WHERE genesis = NEW.genesis AND netuid = NEW.netuid
                   AND mechanism = NEW.mechanism AND numbering = NEW.numbering AND epoch = NEW.epoch)
        OR NOT EXISTS (SELECT 1 FROM epoch_steps WHERE genesis = NEW.genesis AND netuid = NEW.netuid
                       AND mechanism = NEW.mechanism AND numbering = NEW.numbering AND epoch = NEW.epoch AND seq = 1)
    BEGIN SELECT RAISE(ABORT, 'an epoch begins once, with a first step'); END;
CREATE TRIGGER epochs_step BEFORE UPDATE ON epochs
    WHEN NEW.step <> OLD.step + 1
        OR NOT EXISTS (SELECT 1 FROM epoch_steps WHERE genesis = NEW.genesis AND netuid = NEW.netuid
                       AND mechanism = NEW.mechanism AND numbering = NEW.numbering AND epoch = NEW.epoch
                       AND seq = NEW.step AND state = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'an epoch changes by a step that is in its journal'); END;
CREATE TRIGGER epochs_fixed BEFORE UPDATE ON epochs
    WHEN ((OLD.vector IS NOT NULL AND NEW.vector IS NOT OLD.vector)
          OR (OLD.inputs IS NOT NULL AND NEW.inputs IS NOT OLD.inputs))
        AND NOT (NEW.state = 'begun' AND OLD.state IN ('skipped', 'failed') AND OLD.attempts = 0)
    BEGIN SELECT RAISE(ABORT, 'what an epoch has recorded does not change'); END;
CREATE TRIGGER epochs_kept BEFORE DELETE ON epochs
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER epoch_steps_next BEFORE INSERT ON epoch_steps
    WHEN NEW.seq <> 1 + coalesce((SELECT step FROM epochs WHERE genesis = NEW.genesis AND netuid = NEW.netuid
                                  AND mechanism = NEW.mechanism AND numbering = NEW.numbering AND epoch = NEW.epoch), 0)
    BEGIN SELECT RAISE(ABORT, 'a journal is written in order'); END;
CREATE TRIGGER epoch_steps_fixed BEFORE UPDATE ON epoch_steps
    BEGIN SELECT RAISE(ABORT, 'the journal is not rewritten'); END;
CREATE TRIGGER epoch_steps_kept BEFORE DELETE ON epoch_steps
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER epoch_answers_fixed BEFORE UPDATE ON epoch_answers
    BEGIN SELECT RAISE(ABORT, 'an answer stays as it came'); END;
CREATE TRIGGER epoch_answers_kept BEFORE DELETE ON epoch_answers
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
