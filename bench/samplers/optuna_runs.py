"""Runs Optuna's samplers on the problems, and keeps the results in optuna.json.

    python optuna_runs.py [SAMPLER ...]     default: all of SAMPLERS that are not yet there

What is in the file is not run again, so an interrupted run goes on. With W workers, W trials are open at a
time and the oldest one ends first: trial n sees the losses of trials 0 to n - W, as in burn-tune.

Optuna 5's default, `tpe`, is multivariate with the constant liar; `tpe-independent` was the default before.
"""
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # The runs are what is parallel.

import optuna

from problems import PROBLEMS, draw

RESULTS = Path(__file__).with_name("optuna.json")
AT = (50, 100, 200)
SEEDS = 30
# Sampler, workers, numbers of trials: `gp` is for few trials, and slow: to 100 it takes an hour on two cores.
PLAN = [("random", 1, AT), ("tpe", 1, AT), ("tpe", 4, AT), ("tpe", 16, AT), ("tpe-independent", 1, AT), ("gp", 1, AT[:2])]
SAMPLERS = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "tpe-independent": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=False, constant_liar=False),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
}


def run(problem, sampler, workers, seed, at):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, loss = PROBLEMS[problem]
    study = optuna.create_study(sampler=SAMPLERS[sampler](seed))
    opened, losses = [], []

    def end_oldest():
        trial, point = opened.pop(0)
        losses.append(loss(point))
        study.tell(trial, losses[-1])

    for _ in range(at[-1]):
        if len(opened) == workers:
            end_oldest()
        trial = study.ask()

        def suggest(name, kind, arguments):
            if kind == "choice":
                return trial.suggest_categorical(name, arguments[0])
            if kind in ("int", "logint"):
                return trial.suggest_int(name, *arguments, log=kind == "logint")
            return trial.suggest_float(name, *arguments, log=kind == "log")

        opened.append((trial, draw(space, suggest)))
    while opened:
        end_oldest()
    return [min(losses[:count]) for count in at]


def save(results):
    rows = [json.dumps(dict(problem=problem, sampler=sampler, workers=workers, seed=seed, best=best))
            for (problem, sampler, workers, seed), best in sorted(results.items())]
    RESULTS.write_text("[\n" + ",\n".join(rows) + "\n]\n")


def load(path):
    rows = json.loads(Path(path).read_text()) if Path(path).exists() else []
    return {(row["problem"], row["sampler"], row["workers"], row["seed"]): row["best"] for row in rows}


def main():
    wanted = sys.argv[1:] or list(SAMPLERS)
    results = load(RESULTS)
    with ProcessPoolExecutor() as pool:
        running = {}
        for sampler, workers, at in PLAN:
            for problem in PROBLEMS:
                for seed in range(SEEDS):
                    key = (problem, sampler, workers, seed)
                    if sampler in wanted and key not in results:
                        running[pool.submit(run, *key, at)] = key
        for done, run_of in enumerate(as_completed(running), 1):
            results[running[run_of]] = run_of.result()
            save(results)
            print(f"{done}/{len(running)} {running[run_of]}", flush=True)


if __name__ == "__main__":
    main()
