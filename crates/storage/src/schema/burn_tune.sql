-- Our own tables beside Optuna's; a blank line ends a statement.
-- Who works on a trial, or on a refit of it, and until when (seconds since 1970).

CREATE TABLE burn_tune_leases (
    trial_id INTEGER NOT NULL{of_trial},
    task TEXT NOT NULL,
    worker TEXT NOT NULL,
    expires {float} NOT NULL,
    lost INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (trial_id, task)
);

CREATE TABLE burn_tune_curves (
    trial_id INTEGER NOT NULL{of_trial},
    task TEXT NOT NULL,
    npz {bytes} NOT NULL,
    PRIMARY KEY (trial_id, task)
);

CREATE TABLE burn_tune_info (
    format INTEGER NOT NULL
);

-- So that looking for trials that were left costs the same in a study of 100,000.

CREATE INDEX IF NOT EXISTS burn_tune_running ON trials (study_id) WHERE state = 'RUNNING';

INSERT INTO burn_tune_info VALUES (1);
