"""MNIST for the peers: the files that burn-tune embeds, so that all have the same digits and nothing is downloaded."""

from pathlib import Path

import numpy as np

EMBEDDED = Path(__file__).parents[2] / "crates/data/mnist"
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
# The bytes before the first element: a magic number, and the length of each dimension.
IMAGES_HEADER, LABELS_HEADER = 16, 8


def write_files(folder: Path) -> None:
    """Decompresses the four IDX files into `folder`, unless they are there."""
    import zstandard

    folder.mkdir(parents=True, exist_ok=True)
    for compressed in sorted(EMBEDDED.glob("*.zst")):
        file = folder / compressed.stem
        if not file.exists():
            whole = folder / f"{compressed.stem}.part"
            with compressed.open("rb") as source, whole.open("wb") as target:
                zstandard.ZstdDecompressor().copy_stream(source, target)
            whole.rename(file)


def read(folder: Path, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The first `limit` training examples, or all: pixels from 0 to 1, `[examples, 784]`, and their digits."""
    pixels = np.fromfile(folder / IMAGES, dtype=np.uint8)[IMAGES_HEADER:].reshape(-1, 784)[:limit]
    digits = np.fromfile(folder / LABELS, dtype=np.uint8)[LABELS_HEADER:][:limit]
    return pixels.astype(np.float32) / 255, digits.astype(np.int64)
