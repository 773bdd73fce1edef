"""The counterpart of `cargo xtask bench` in PyTorch: one epoch of 784-H-10 on one thread, with a fused Adam.

Started by training.py. It prints the lines that our benchmark prints, and times what ours does: initial weights, one
epoch in random order, the accuracy on a thousand test examples.
"""

import argparse
import itertools
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor, nn

import mnist
from loops import Batches, GatheredByEpoch, accuracy, gathered_by_batch, network, use_one_thread

GATHERED = {"by-batch": gathered_by_batch, "by-epoch": GatheredByEpoch(), "compiled": gathered_by_batch}
# Square matrices, and the best of so many products of them, as in our benchmark.
PEAK_SIZE, PEAK_PRODUCTS = 1_024, 8
PROBE_EXAMPLES = 1_000
WARM_UP_STEPS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loop", choices=GATHERED, required=True)
    parser.add_argument("--mnist", type=Path, required=True)
    for option in ("--width", "--batch-size", "--examples", "--rounds"):
        parser.add_argument(option, type=int, required=True)
    args = parser.parse_args()
    use_one_thread()
    x, y = map(torch.from_numpy, mnist.read(args.mnist, None))
    epoch = Epoch(args.width, args.batch_size, args.loop)
    rows = torch.arange(args.examples)
    if args.loop == "compiled":
        # Compiling takes half a minute; what is asked here is how fast the compiled code is.
        epoch.train(x, y, rows, most_steps=WARM_UP_STEPS)
    peaks, seconds = [], []
    for _ in range(args.rounds):
        peaks.append(peak_flops())
        start = time.perf_counter()
        model = epoch.train(x, y, rows)
        accuracy(model, x, y, torch.arange(PROBE_EXAMPLES))
        seconds.append(time.perf_counter() - start)
    print(f"peak of one core, f32 matrix products: {statistics.median(peaks) / 1e9:.1f} GFLOP/s")
    examples_per_s = args.examples / statistics.median(seconds)
    print(f"784-{args.width}-10, batches of {args.batch_size:>3}: {examples_per_s:>7.0f} examples/s")


class Epoch:
    """How an epoch is trained."""

    def __init__(self, width: int, batch_size: int, loop: str) -> None:
        self.width = width
        self.batch_size = batch_size
        self.batches = GATHERED[loop]
        self.loss = torch.compile(loss, dynamic=False) if loop == "compiled" else loss

    def train(self, x: Tensor, y: Tensor, rows: Tensor, most_steps: int | None = None) -> nn.Module:
        """Trains a fresh model, which is returned."""
        model = network("relu", 1, self.width)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        batches: Batches = self.batches(x, y, rows, self.batch_size)
        for inputs, labels in itertools.islice(batches, most_steps):
            optimizer.zero_grad()
            self.loss(model, inputs, labels).backward()
            optimizer.step()
        return model


def loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.cross_entropy(model(inputs), labels)


def peak_flops() -> float:
    """Floating-point operations a second in the best of several products of large square matrices."""
    a, b = (torch.full((PEAK_SIZE, PEAK_SIZE), 0.5) for _ in range(2))
    seconds = []
    for _ in range(PEAK_PRODUCTS):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * PEAK_SIZE**3 / min(seconds)


if __name__ == "__main__":
    main()
