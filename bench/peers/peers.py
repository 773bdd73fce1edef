"""Compares burn-tune with its peers on one list of configurations. Run by `cargo xtask bench peers`.

Every system gets the same configurations, folds and epochs. Each run of a peer stands directly beside one of
burn-tune, and what is compared is the ratio of the two; which of them goes first, alternates. Every run has another
seed. The exit code is 1 where a system fails, or where scores differ: then the comparison is void.
"""

import argparse
import json
import math
import signal
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

import configurations
import machine
import mnist
import report
import scores
from arguments import at_least, some_of
from measure import CommandFailed
from report import OURS, Pair
from systems import TUNED_LOOPS, BurnTune, Peer, Run, peers
from task import Task

PEERS = ["optuna", "optuna-plain", "sklearn"]


def main() -> int:
    args = parse_arguments()
    # As after Ctrl-C: what is being measured ends, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = datetime.now()
    out = args.out or args.folder / f"results-{started:%Y%m%d-%H%M%S}"
    out.mkdir(parents=True, exist_ok=False)
    mnist.write_files(args.folder / "mnist")
    space = configurations.space(args.epochs)
    task = Task(
        mnist=str(args.folder / "mnist"),
        limit=args.limit,
        space=space,
        configurations=configurations.draw(space, args.trials, args.seed),
        folds=args.folds,
        jobs=args.jobs,
        seed=0,
    )
    all_peers = peers(args.loop)
    rivals = {name: all_peers[name] for name in args.peers}
    try:
        warm_up(task, rivals, BurnTune(args.program), out / "warm-up")
        pairs = measure_pairs(task, rivals, BurnTune(args.program), args.rounds, out)
    except CommandFailed as error:
        say(str(error))
        return 1
    is_test = bool(args.limit or args.epochs)
    # The scores of half-trained models are noisier than those of a measurement may be.
    most_bound = math.inf if is_test else scores.MOST_BOUND
    comparisons = scores.compare(score_arrays(pairs), OURS)
    titles = {OURS: "burn-tune"} | {name: peer.title for name, peer in rivals.items()}
    result = {
        "date": f"{started:%Y-%m-%d}",
        "machine": machine.describe(args.program),
        "task": asdict(task) | {"rounds": args.rounds, "loop": args.loop},
        "pairs": [asdict(pair) for pair in pairs],
        "scores": [asdict(comparison) | {"fault": comparison.fault(most_bound)} for comparison in comparisons],
    }
    (out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    print(report.text(result, pairs, titles))
    print(f"Everything is in {out}")
    return conclude(result, pairs, is_test, out)


def conclude(result: dict[str, Any], pairs: list[Pair], is_test: bool, out: Path) -> int:
    """Says what the comparison is worth; the exit code."""
    if any(comparison["fault"] for comparison in result["scores"]):
        print("VOID: these systems did not do the same work, or nobody can tell.")
        return 1
    if is_test:
        print("A test of the comparison itself, with --limit or --epochs: no row of the book.")
        return 0
    row = report.row(result, pairs)
    (out / "row.md").write_text(row + "\n")
    print(f"For the table in book/src/speed.md:\n{row}")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cargo xtask bench peers", description=__doc__.splitlines()[0])
    add = parser.add_argument
    number = dict(type=at_least(1), metavar="N")
    add("--trials", default=12, help="configurations [default: 12]", **number)
    add("--folds", default=3, type=at_least(2), metavar="N", help="of each, at least 2 [default: 3]")
    add("--jobs", default=2, help="worker threads, or processes of one thread [default: 2]", **number)
    add("--rounds", default=3, help="runs of each peer [default: 3]", **number)
    add("--peers", default=PEERS, type=some_of(PEERS), metavar="LIST", help=f"[default: {','.join(PEERS)}]")
    add("--loop", default=TUNED_LOOPS[0], choices=TUNED_LOOPS, help=f"of the tuned PyTorch [default: {TUNED_LOOPS[0]}]")
    add("--seed", default=0, type=int, help="of the list of configurations [default: 0]")
    add("--out", type=Path, help="a new folder for the results")
    tests = parser.add_argument_group("to test the comparison itself")
    tests.add_argument("--limit", help="only the first N examples", **number)
    tests.add_argument("--epochs", help="so many for all configurations", **number)
    add("--program", type=Path, required=True, help=argparse.SUPPRESS)
    add("--folder", type=Path, required=True, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.rounds * len(args.peers) < 2:
        parser.error("one run of one peer says nothing of the noise of scores: --rounds 2, or another peer")
    return args


def warm_up(task: Task, rivals: dict[str, Peer], ours: BurnTune, folder: Path) -> None:
    """A tiny run of each: what is broken says so before hours are spent, and all programs are in the page cache."""
    tiny = Task(**asdict(task) | {"limit": 1_000, "configurations": task.configurations[:1]})
    for name, system in {OURS: ours, **rivals}.items():
        system.run(tiny, folder / name)


def measure_pairs(task: Task, rivals: dict[str, Peer], ours: BurnTune, rounds: int, out: Path) -> list[Pair]:
    pairs: list[Pair] = []
    for number in range(rounds):
        for name, peer in rivals.items():
            seeded = Task(**asdict(task) | {"seed": len(pairs) + 1})
            order = [(OURS, ours), (name, peer)]
            if len(pairs) % 2:
                order.reverse()
            runs: dict[str, Run] = {}
            for which, system in order:
                runs[which] = system.run(seeded, out / f"round-{number + 1}" / name / which)
                say(f"round {number + 1} of {rounds}, {which}: {runs[which].usage.wall_s:.1f} s")
            pairs.append(Pair(number, name, runs[OURS], runs[name]))
    return pairs


def score_arrays(pairs: list[Pair]) -> dict[str, np.ndarray]:
    """Of each system, `[runs, configurations, folds]`."""
    of_peers = {pair.peer: [p.theirs.scores for p in pairs if p.peer == pair.peer] for pair in pairs}
    runs = {OURS: [pair.ours.scores for pair in pairs]} | of_peers
    return {name: np.array(scores) for name, scores in runs.items()}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
