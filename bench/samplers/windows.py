"""What a large window costs a sampler: what its trials are worth.

    cargo bench --profile dev -p burn-tune-search --bench sampler_bench --no-run
    AT=$(python bench/samplers/windows.py --at) WINDOWS=8,32,128 target/debug/deps/sampler_bench-… tpe > tpe.json
    python bench/samplers/windows.py tpe.json [more.json …]

For each sampler and window, after T trials: how many trials with the smallest window come as far, by the median of the
best losses of all seeds. In brackets 90 % of what 2,000 samples of the seeds, drawn with replacement, give.
"""
import argparse
import json
import math
import random
from collections import defaultdict
from pathlib import Path
from statistics import median

# Eight to a doubling.
AT = sorted({round(2 ** (step / 8)) for step in range(24, 81)})
SAMPLES = 2000


def needed(curves, at, goal):
    """After how many trials the median of the best losses is `goal`, between the numbers that were kept."""
    before = None
    for index, trials in enumerate(at):
        best = median(curve[index] for curve in curves)
        if best <= goal:
            if before is None or before[1] == best:
                return trials
            # On a line between the two, in the logarithm of the number of trials.
            share = (before[1] - goal) / (before[1] - best)
            return math.exp(math.log(before[0]) + share * (math.log(trials) - math.log(before[0])))
        before = (trials, best)
    return math.inf


def worth(small, large, at, trials):
    """How many trials with the small window are as good as so many with the large one."""
    return needed(small, at, median(curve[at.index(trials)] for curve in large))


def with_interval(small, large, at, trials, rng):
    samples = []
    for _ in range(SAMPLES):
        drawn = [[rng.choice(curves) for _ in curves] for curves in (small, large)]
        samples.append(worth(*drawn, at, trials))
    samples.sort()
    return worth(small, large, at, trials), samples[SAMPLES // 20], samples[-SAMPLES // 20]


def text(number):
    return "more" if math.isinf(number) else f"{number:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--at", action="store_true", help="print the numbers of trials to be kept")
    parser.add_argument("--most", type=int, default=AT[-1], help="the last of them")
    parser.add_argument("--trials", type=int, nargs="*", default=[128, 256, 512, 1024])
    args = parser.parse_args()
    if args.at:
        print(",".join(str(at) for at in AT if at <= args.most))
        return
    curves = defaultdict(list)
    for file in args.files:
        for row in json.loads(file.read_text()):
            curves[row["sampler"], row["problem"], row["workers"]].append(row["best"])
    rng = random.Random(0)
    for sampler in sorted({sampler for sampler, _, _ in curves}):
        windows = sorted({window for s, _, window in curves if s == sampler})
        problems = list(dict.fromkeys(problem for s, problem, _ in curves if s == sampler))
        smallest = windows[0]
        for window in windows[1:]:
            print(f"\n{sampler}: how many trials with the window {smallest} come as far as with {window}")
            head = [f"{trials} trials" for trials in args.trials]
            print(f"| function | seeds | {' | '.join(head)} |\n|---|---|{'---|' * len(head)}")
            found = defaultdict(list)
            for problem in problems:
                small, large = curves[sampler, problem, smallest], curves[sampler, problem, window]
                if not small or not large:
                    continue
                at = [trials for trials in AT if trials <= args.most][: len(small[0])]
                cells = []
                for trials in args.trials:
                    if trials not in at:
                        cells.append("")
                        continue
                    middle, low, high = with_interval(small, large, at, trials, rng)
                    found[trials].append(middle)
                    cells.append(f"{text(middle)} ({text(low)} to {text(high)})")
                print(f"| {problem} | {len(small)} | {' | '.join(cells)} |")
            cells = [f"**{text(median(found[trials]))}**" if found[trials] else "" for trials in args.trials]
            print(f"| **median** | | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
