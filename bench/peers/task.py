"""What a peer's program is told, and what it gives back: the same for all of them.

A peer's program is run as `python PROGRAM --task task.json --scores scores.json …`. The scores are a list for
each configuration, in their order, with the accuracy of each fold.
"""

import argparse
import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

import mnist
from configurations import Configuration, Space


@dataclass
class Task:
    mnist: str  # the folder of the IDX files
    limit: int | None
    space: Space
    configurations: list[Configuration]  # of this space
    folds: int
    jobs: int
    seed: int

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1))

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        return mnist.read(Path(self.mnist), self.limit)


def split(folds: int) -> StratifiedKFold:
    """Not shuffled, as scikit-learn has it by default: these are burn-tune's folds, index for index."""
    return StratifiedKFold(folds)


def seed_of(*parts: object) -> int:
    """A seed for one training. All of them start from other weights, so that their scores are independent."""
    return zlib.crc32(repr(parts).encode())


def arguments(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The parsed arguments, `task` as a Task."""
    parser.add_argument("--task", type=lambda path: Task(**json.loads(Path(path).read_text())), required=True)
    parser.add_argument("--scores", type=Path, required=True)
    return parser.parse_args()


def write_scores(path: Path, scores: list[list[float]]) -> None:
    path.write_text(json.dumps(scores))
