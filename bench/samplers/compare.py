"""Sets our samplers beside Optuna's: medians, and whether they differ by more than chance.

    python compare.py [--ours FILE] [--sampler NAME ...] [--against NAME ...] [--brief]

`ours.json` is made by the benchmark `sampler_bench`, `optuna.json` by optuna_runs.py. For each problem,
number of workers and number of trials: the median of the best losses of all seeds, and the rank test of
Wilcoxon, Mann and Whitney (two-sided, 0.05). Where one of two samplers was run with one worker only, or to
100 trials only, so far they are compared.
"""
import argparse
from collections import Counter
from pathlib import Path
from statistics import median

from scipy.stats import mannwhitneyu

from optuna_runs import AT, load
from problems import PROBLEMS

HERE = Path(__file__).parent


def verdict(ours, theirs):
    if sorted(ours) == sorted(theirs):
        return "no difference"
    test = mannwhitneyu(ours, theirs, alternative="two-sided")
    if test.pvalue >= 0.05:
        return "no difference"
    # Half of all pairs, if neither is better.
    return "better" if test.statistic < len(ours) * len(theirs) / 2 else "worse"


def best(results, problem, sampler, workers, at):
    rows = (best for (p, s, w, _), best in sorted(results.items()) if (p, s, w) == (problem, sampler, workers))
    return [row[AT.index(at)] for row in rows if len(row) > AT.index(at)]


def compare(ours, theirs, sampler, against, workers, brief):
    print(f"\n{sampler} against Optuna's {against}, {workers} worker(s)")
    counts = Counter()
    for problem in PROBLEMS:
        cells, worse = [], False
        for at in AT:
            a = best(ours, problem, sampler, workers, at)
            b = best(theirs, problem, against, workers, at)
            if not a or not b:
                continue
            found = verdict(a, b)
            counts[found] += 1
            worse = worse or found == "worse"
            cells.append(f"{at:>4}: {median(a):>9.4g} {median(b):>9.4g} {found:<13}")
        if cells and (worse or not brief):
            print(f"  {problem:<16}" + " | ".join(cells))
    print("  " + ", ".join(f"{kind} {counts[kind]}" for kind in ("better", "no difference", "worse")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", default=HERE / "ours.json")
    parser.add_argument("--sampler", nargs="*", default=["tpe", "gp"])
    parser.add_argument("--against", nargs="*", default=["random", "tpe", "tpe-independent", "gp"])
    parser.add_argument("--brief", action="store_true", help="only the counts, and where we are worse")
    args = parser.parse_args()
    ours, theirs = load(args.ours), load(HERE / "optuna.json")

    def workers_of(results, name):
        return {workers for _, sampler, workers, _ in results if sampler == name}

    for sampler in args.sampler:
        for against in args.against:
            for workers in sorted(workers_of(ours, sampler) & workers_of(theirs, against)):
                compare(ours, theirs, sampler, against, workers, args.brief)


if __name__ == "__main__":
    main()
