"""What a trial costs Optuna besides its training: `crates/storage/benches/noop_trials/main.rs` with Optuna 5.

    python optuna_noop.py [--trials 300] [--storage memory|FILE|postgresql://…] [--wal]

The same space of six floats, drawn by the random sampler, and the same objective, which adds them up. It
prints the same line of JSON. Making the study is no part of what is measured. `--wal` gives a new file of
SQLite a write-ahead log first, which Optuna itself does not, and burn-tune does; the file remembers it.

Needs optuna, and psycopg for PostgreSQL.
"""
import argparse
import json
import sqlite3
import statistics
import time

import optuna

LONGEST_WINDOW = 1000


def storage(address, wal):
    if address == "memory":
        return optuna.storages.InMemoryStorage()
    if address.startswith("postgresql://"):
        # SQLAlchemy's own choice would be psycopg2.
        return address.replace("postgresql://", "postgresql+psycopg://", 1)
    if wal:
        connection = sqlite3.connect(address)
        assert connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        connection.close()
    return f"sqlite:///{address}"


def objective(trial):
    return sum(trial.suggest_float(name, 0.0, 1.0) for name in "abcdef")


def measure(study, trials):
    window = min(max(trials // 10, 1), LONGEST_WINDOW)
    ended = 0
    ends = [(time.perf_counter(), time.process_time())]

    def note(study, trial):
        nonlocal ended
        ended += 1
        if ended % window == 0:
            ends.append((time.perf_counter(), time.process_time()))

    since = time.perf_counter()
    study.optimize(objective, n_trials=trials, callbacks=[note])
    seconds = time.perf_counter() - since
    means = [
        [(end - start) * 1e6 / window for start, end in zip(clock, clock[1:])]
        for clock in zip(*ends)
    ]
    return {
        "trials": trials,
        "folds": 1,
        "jobs": 1,
        "seconds": seconds,
        "us_per_trial": statistics.median_high(means[0]),
        "cpu_us_per_trial": statistics.median_high(means[1]),
        "window": window,
        "window_us": means[0],
        "window_cpu_us": means[1],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--storage", default="memory")
    parser.add_argument("--wal", action="store_true")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=storage(arguments.storage, arguments.wal),
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0),
    )
    measured = measure(study, arguments.trials)
    complete = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    assert len(complete) == arguments.trials, f"{len(complete)} trials are complete"
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
