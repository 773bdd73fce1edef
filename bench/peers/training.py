"""Compares one training on one core with PyTorch's. Run by `cargo xtask bench peers --training`.

For each shape, burn-tune's benchmark and loops in PyTorch run one after the other, in several rounds; what is
compared is the ratio of the two in one round. The peak of the core is the fastest matrix product that either came to.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

import machine
import mnist
from arguments import at_least, numbers, some_of
from systems import KEEP_PAGES, ONE_THREAD

HERE = Path(__file__).parent
OURS = "burn-tune"
LOOPS = ["by-batch", "by-epoch", "compiled"]
FEATURES, CLASSES = 784, 10
PEAK = re.compile(r"^peak of one core, .*: ([\d.]+) GFLOP/s$", re.MULTILINE)
SPEED = re.compile(r"^784-(\d+)-10, batches of +(\d+): +(\d+) examples/s", re.MULTILINE)


@dataclass
class Timing:
    """What one process has measured."""

    system: str
    width: int
    batch_size: int
    round: int
    examples_per_s: float
    peak_flops: float


def main() -> int:
    args = parse_arguments()
    started = datetime.now()
    out = args.out or args.folder / f"training-{started:%Y%m%d-%H%M%S}"
    out.mkdir(parents=True)
    mnist.write_files(args.folder / "mnist")
    shapes = [(width, batch_size) for width in args.widths for batch_size in args.batch_sizes]
    timings: list[Timing] = []
    loops = list(args.loops)
    for number in range(args.rounds):
        for shape in shapes:
            for system in [OURS, *loops]:
                timing = measure(system, shape, number, args)
                if timing:
                    timings.append(timing)
                else:
                    loops.remove(system)
    about = machine.describe(None)
    result = {"date": f"{started:%Y-%m-%d}", "machine": about, "timings": [asdict(timing) for timing in timings]}
    (out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"{about['cpu']}, {about['instruction_set']}, one thread; commit {about['commit']}, {about['rustc']},")
    print(f"PyTorch {about['packages']['torch']}; {args.rounds} rounds, {result['date']}\n")
    print("\n".join(table(timings, shapes, loops)))
    print(f"\nEverything is in {out}")
    return 0


def parse_arguments() -> argparse.Namespace:
    about = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="cargo xtask bench peers --training", description=about)
    add = parser.add_argument
    add("--batch-sizes", type=numbers, default=[32, 100, 600], metavar="LIST", help="[default: 32,100,600]")
    add("--widths", type=numbers, default=[100, 500, 1000, 2000], metavar="LIST", help="[default: 100,500,1000,2000]")
    add("--loops", type=some_of(LOOPS), default=LOOPS, metavar="LIST", help=f"in PyTorch [default: {','.join(LOOPS)}]")
    # A multiple of the default batch sizes: all steps are whole, so compiled code is compiled for one shape.
    add("--examples", type=at_least(1), default=19_200, metavar="N", help="of an epoch [default: 19200]")
    add("--rounds", type=at_least(1), default=3, metavar="N", help="processes of each system [default: 3]")
    add("--epochs", type=at_least(1), default=3, metavar="N", help="of each process, for their median [default: 3]")
    add("--out", type=Path, help="a new folder for the results")
    add("--program", type=Path, required=True, help=argparse.SUPPRESS)
    add("--folder", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(system: str, shape: tuple[int, int], number: int, args: argparse.Namespace) -> Timing | None:
    """`None` where a loop in PyTorch does not run here, as a compiled one without a compiler; that is said."""
    width, batch_size = shape
    shared = ["--examples", str(args.examples), "--rounds", str(args.epochs)]
    if system == OURS:
        command = [str(args.program), "--widths", str(width), "--batch-sizes", str(batch_size), *shared]
    else:
        command = [sys.executable, "-B", str(HERE / "torch_training.py"), "--mnist", str(args.folder / "mnist")]
        command += ["--loop", system, "--width", str(width), "--batch-size", str(batch_size), *shared]
    # What is compiled once need not be in the next round.
    environment = ONE_THREAD | KEEP_PAGES | {"TORCHINDUCTOR_CACHE_DIR": str(args.folder / "inductor")}
    done = subprocess.run(command, env=os.environ | environment, text=True, capture_output=True)
    if done.returncode != 0:
        say(f"{system} fails and is left out: {done.stderr.strip().splitlines()[-1:]}")
        if system == OURS:
            raise SystemExit(done.stderr)
        return None
    say(f"round {number + 1} of {args.rounds}, {system}: {done.stdout.splitlines()[-1]}")
    return parse(done.stdout, system, number)


def parse(output: str, system: str, number: int) -> Timing:
    """What our benchmark, and its counterpart, print about one shape."""
    peak, speed = PEAK.search(output), SPEED.search(output)
    if not peak or not speed:
        raise SystemExit(f"this is not what the benchmark prints:\n{output}")
    width, batch_size, examples_per_s = map(int, speed.groups())
    return Timing(system, width, batch_size, number, examples_per_s, float(peak[1]) * 1e9)


def table(timings: list[Timing], shapes: list[tuple[int, int]], loops: list[str]) -> list[str]:
    peak = max(timing.peak_flops for timing in timings)
    lines = [
        f"peak of one core, f32 matrix products: {peak / 1e9:.1f} GFLOP/s",
        "examples a second, and share of the peak; in brackets, how many times as fast burn-tune is",
        "",
        f"{'width':>5}{'batch':>7}" + "".join(f"{name:>24}" for name in [OURS, *loops]),
    ]
    for width, batch_size in shapes:
        line = f"{width:>5}{batch_size:>7}"
        by_round = {
            (timing.system, timing.round): timing.examples_per_s
            for timing in timings
            if (timing.width, timing.batch_size) == (width, batch_size)
        }
        rounds = sorted({number for _, number in by_round})
        for system in [OURS, *loops]:
            speeds = [by_round[system, number] for number in rounds]
            ratios = [by_round[OURS, number] / by_round[system, number] for number in rounds]
            share = median(speeds) * training_flops(width) / peak
            cell = f"{median(speeds):.0f} {share:.0%}"
            line += f"{cell if system == OURS else f'{cell} ({median(ratios):.2f})':>24}"
        lines.append(line)
    return lines


def training_flops(width: int) -> int:
    """Of the matrix products of one example, as burn-tune's `MlpConfig::training_flops` counts them: the first layer
    needs no gradient of its input."""
    return 4 * FEATURES * width + 6 * width * CLASSES


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
