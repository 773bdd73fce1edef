"""Runs Optuna's samplers and pruners on the table, and keeps the results in optuna.json.

    python bench/table/optuna_runs.py

A search is over the same grid; it stops once it has found one of the three best and used a fifth of all epochs.
With W workers, W trials are open at a time and the oldest one is trained first.
"""

import json
from pathlib import Path

import optuna

FOLDER = Path(__file__).parent
SEEDS = 30
SHARE = 0.2
SAMPLERS = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
}
PRUNERS = {
    "none": lambda epochs: optuna.pruners.NopPruner(),
    "median": lambda epochs: optuna.pruners.MedianPruner(),
    "asha": lambda epochs: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=4),
    "hyperband": lambda epochs: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs),
}
PLAN = [("random", 1), ("tpe", 1), ("tpe", 4), ("tpe", 16)]


def search(table, sampler, pruner, workers, seed):
    epochs_of_all = len(next(iter(table.values())))
    fifth = int(SHARE * len(table) * epochs_of_all)
    third = sorted((curve[-1] for curve in table.values()), reverse=True)[2]
    names = [name for name, _ in next(iter(table))]
    choices = {name: sorted({dict(key)[name] for key in table}, key=str) for name in names}
    study = optuna.create_study(
        direction="maximize", sampler=SAMPLERS[sampler](seed), pruner=PRUNERS[pruner](epochs_of_all)
    )
    opened, epochs, found, best = [], 0, None, 0.0
    # A sampler that proposes the same again and again does not find the best in any time.
    while epochs < 4 * len(table) * epochs_of_all:
        while len(opened) < workers:
            trial = study.ask()
            point = tuple((name, trial.suggest_categorical(name, choices[name])) for name in names)
            opened.append((trial, point))
        trial, point = opened.pop(0)
        curve = table[point]
        pruned = False
        for epoch, value in enumerate(curve, start=1):
            epochs += 1
            trial.report(value, epoch)
            if epoch < len(curve) and trial.should_prune():
                pruned = True
                break
        if pruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, curve[-1])
            if curve[-1] >= third and found is None:
                found = epochs
            if epochs <= fifth:
                best = max(best, curve[-1])
        if epochs > fifth and found is not None:
            break
    return found, best


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    data = json.loads((FOLDER / "fashion_mlp.json").read_text())
    table = {
        tuple(row["params"].items()): [count / data["examples"] for count in row["correct"]] for row in data["rows"]
    }
    path = FOLDER / "optuna.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    known = {(row["sampler"], row["pruner"], row["workers"], row["seed"]) for row in rows}
    for sampler, workers in PLAN:
        for pruner in PRUNERS:
            for seed in range(SEEDS):
                if (sampler, pruner, workers, seed) in known:
                    continue
                epochs, best = search(table, sampler, pruner, workers, seed)
                rows.append(dict(sampler=sampler, pruner=pruner, workers=workers, seed=seed, epochs=epochs, best=best))
            path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
            print(sampler, pruner, workers, flush=True)


if __name__ == "__main__":
    main()
