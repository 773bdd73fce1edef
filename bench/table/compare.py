"""Sets our searches of the table beside Optuna's: how many epochs until one of the three best was found.

    cargo bench --profile dev --bench table_bench > bench/table/ours.json
    python bench/table/optuna_runs.py
    python bench/table/compare.py | tee bench/table/RESULTS.txt
"""

import json
import statistics
from collections import defaultdict
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    data = json.loads((FOLDER / "fashion_mlp.json").read_text())
    curves = [row["correct"] for row in data["rows"]]
    all_epochs = sum(map(len, curves))
    last = sorted((curve[-1] / data["examples"] for curve in curves), reverse=True)
    print(f"{len(curves)} configurations of {len(curves[0])} epochs, {all_epochs} in all")
    print(f"the best: {last[0]:.4f} {last[1]:.4f} {last[2]:.4f}; the median: {statistics.median(last):.4f}")
    print(f"a fifth of all epochs is {all_epochs // 5}\n")
    print("                                   epochs until one of the      found within   median regret")
    print("program    sampler  pruner    W    three best: median (90 %)    a fifth        at a fifth")
    for program, name in [("burn-tune", "ours.json"), ("Optuna", "optuna.json")]:
        path = FOLDER / name
        if not path.exists():
            continue
        runs = defaultdict(list)
        for row in json.loads(path.read_text()):
            runs[row["sampler"], row["pruner"], row["workers"]].append(row)
        for (sampler, pruner, workers), rows in runs.items():
            epochs = sorted(row["epochs"] if row["epochs"] is not None else float("inf") for row in rows)
            middle, late = statistics.median(epochs), epochs[int(0.9 * (len(epochs) - 1))]
            within = sum(value <= all_epochs / 5 for value in epochs)
            regret = last[0] - statistics.median(row["best"] for row in rows)
            print(
                f"{program:<10} {sampler:<8} {pruner:<8} {workers:>2}    {middle:>12.0f} {late:>10.0f}"
                f"        {within:>6} of {len(rows)}      {regret:>8.4f}"
            )
        print()


if __name__ == "__main__":
    main()
