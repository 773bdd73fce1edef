"""MNIST from the files of this repository."""
from pathlib import Path

import numpy as np
import zstandard

FILES = Path(__file__).parents[3] / "data/mnist"


def bytes_of(name, header):
    with open(FILES / f"{name}-ubyte.zst", "rb") as file:
        content = zstandard.ZstdDecompressor().stream_reader(file).read()
    return np.frombuffer(content, np.uint8, offset=header)


def load_mnist(rows):
    def part(name, rows):
        images = bytes_of(f"{name}-images-idx3", 16).reshape(-1, 28 * 28)
        return images[:rows] / np.float32(255), bytes_of(f"{name}-labels-idx1", 8)[:rows]

    return part("train", rows), part("t10k", 10_000)
