"""Runs Optuna's samplers on the problems, and keeps the results in optuna.json.

    python optuna_runs.py [SAMPLER ...]     default: all of SAMPLERS that are not yet there

What is in the file is not run again, so an interrupted run goes on. With W workers, W trials are open at a
time and the oldest one ends first: trial n sees the losses of trials 0 to n - W, as in burn-tune.

Optuna 5's default, `tpe`, is multivariate with the constant liar; `tpe-independent` was the default before.
"""
import json
import sys
from pathlib import Path

import optuna

from problems import PROBLEMS, draw

RESULTS = Path(__file__).with_name("optuna.json")
AT = (50, 100, 200)
# Sampler, workers, seeds.
PLAN = [("random", 1, 30), ("tpe", 1, 30), ("tpe", 4, 30), ("tpe", 16, 30), ("tpe-independent", 1, 30), ("gp", 1, 10)]
SAMPLERS = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "tpe-independent": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=False, constant_liar=False),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
}


def run(problem, sampler, workers, seed):
    space, loss = PROBLEMS[problem]
    study = optuna.create_study(sampler=SAMPLERS[sampler](seed))
    opened, losses = [], []

    def end_oldest():
        trial, point = opened.pop(0)
        losses.append(loss(point))
        study.tell(trial, losses[-1])

    for _ in range(AT[-1]):
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
    return [min(losses[:at]) for at in AT]


def save(results):
    rows = [json.dumps(dict(problem=problem, sampler=sampler, workers=workers, seed=seed, best=best))
            for (problem, sampler, workers, seed), best in sorted(results.items())]
    RESULTS.write_text("[\n" + ",\n".join(rows) + "\n]\n")


def load(path):
    rows = json.loads(Path(path).read_text()) if Path(path).exists() else []
    return {(row["problem"], row["sampler"], row["workers"], row["seed"]): row["best"] for row in rows}


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    wanted = sys.argv[1:] or list(SAMPLERS)
    results = load(RESULTS)
    for sampler, workers, seeds in PLAN:
        for problem in PROBLEMS:
            for seed in range(seeds):
                key = (problem, sampler, workers, seed)
                if sampler in wanted and key not in results:
                    results[key] = run(*key)
            save(results)
        print(sampler, workers, flush=True)


if __name__ == "__main__":
    main()
