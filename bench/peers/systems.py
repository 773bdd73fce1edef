"""What is compared: burn-tune and its peers, each a command that does one task and leaves scores behind."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import measure
from configurations import space_file
from task import Task

HERE = Path(__file__).parent
# The workers are the parallelism: more threads than one in each would only fight for the cores.
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
# glibc's malloc keeps pages instead of giving them back and faulting them in again, up to its largest block.
KEEP_PAGES = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(4 << 30)}

# Of the loops in loops.py, those that a tuner might write; the first is what is measured unless it is told.
TUNED_LOOPS = ["by-batch", "by-epoch"]

Scores = list[list[float]]  # of each configuration, the accuracy of each fold


@dataclass
class Run:
    """One run of a system, with the seed that it had."""

    seed: int
    usage: measure.Usage
    scores: Scores


@dataclass
class Peer:
    """A program of this folder."""

    title: str
    program: str
    options: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, task: Task, folder: Path) -> Run:
        folder.mkdir(parents=True)
        task.write(folder / "task.json")
        scores = folder / "scores.json"
        command = [sys.executable, "-B", str(HERE / self.program), *self.options]
        command += ["--task", str(folder / "task.json"), "--scores", str(scores)]
        usage = measure.run(command, folder / "log", ONE_THREAD | self.environment)
        return Run(task.seed, usage, json.loads(scores.read_text()))


@dataclass
class BurnTune:
    program: Path

    def run(self, task: Task, folder: Path) -> Run:
        folder.mkdir(parents=True)
        space = folder / "peers.toml"
        space.write_text(space_file(task.configurations))
        command = [str(self.program), "search", "--space", str(space), "--out", str(folder), "--quiet"]
        # A database of the environment is not this one.
        command += ["--storage", str(folder / "studies.db")]
        options = dict(trials=len(task.configurations), folds=task.folds, jobs=task.jobs, seed=task.seed)
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        if task.limit:
            command += ["--limit", str(task.limit)]
        usage = measure.run(command, folder / "log", {})
        return Run(task.seed, usage, self._scores(folder, len(task.configurations)))

    def _scores(self, folder: Path, count: int) -> Scores:
        trials = json.loads((folder / "leaderboard.json").read_text())["trials"]
        complete = {t["trial"]: t["split_test_scores"] for t in trials if t["state"] == "complete"}
        if sorted(complete) != list(range(count)):
            raise measure.CommandFailed(f"{folder}: only the trials {sorted(complete)} are complete")
        return [complete[number] for number in range(count)]


def peers(loop: str) -> dict[str, Peer]:
    """By the names that `--peers` takes; `loop` is the tuned one."""
    optuna = "optuna_search.py"
    return {
        "optuna": Peer("Optuna, tuned PyTorch", optuna, ["--loop", loop], KEEP_PAGES),
        "optuna-plain": Peer("Optuna, a tutorial's loop", optuna, ["--loop", "tutorial"]),
        "sklearn": Peer("scikit-learn, skorch", "sklearn_search.py"),
    }
