"""Records scores.json: what 48 configurations (grid.toml) score on every fold of many independent studies.

    cargo build && python bench/noise/record.py [--burn-tune target/debug/burn-tune] [--studies 60]

A study is one of 60 disjoint sets of 1,000 examples of MNIST, with a seed of its own, and is done with 2, 3, 5 and
10 folds. So the studies are independent of each other, as those of different users are, and the mean over all of
them is what a configuration is worth on a training set of that size: the truth that a ranking is held against.

scores.json has, for each number of folds, a line a study: for each configuration, in the order of the grid, the
accuracy on each fold in ten-thousandths. Takes about half an hour on one core. Goes on where it stopped.
"""

import argparse
import csv
import json
import struct
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
MNIST = HERE.parents[1] / "crates" / "data" / "mnist"
EXAMPLES = 1_000
FOLDS = (2, 3, 5, 10)
NAMES = {
    "images": ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte", 16, 784),
    "labels": ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte", 8, 1),
}


def mnist(name: str) -> bytes:
    """One of MNIST's files; needs the program `zstd`."""
    return subprocess.run(["zstd", "-dcq", MNIST / f"{name}.zst"], check=True, capture_output=True).stdout


def write_subset(folder: Path, files: dict[str, bytes], study: int) -> None:
    """The examples of a study as IDX files. The test set is not used, and is those same examples."""
    for kind, (train, test, header, size) in NAMES.items():
        data = files[kind]
        start = header + study * EXAMPLES * size
        head = data[:4] + struct.pack(">I", EXAMPLES) + data[8:header]
        for name in (train, test):
            (folder / name).write_bytes(head + data[start : start + EXAMPLES * size])


def scores(burn_tune: Path, folder: Path, study: int, folds: int) -> list[list[int]]:
    """The accuracy of each configuration on each fold, in ten-thousandths."""
    out = folder / "out"
    command = [burn_tune, "search", "--space", HERE / "grid.toml", "--data", folder, "--trials", "48", "--seed", study,
               "--folds", folds, "--jobs", "1", "--out", out, "--storage", out / "studies.db", "--study", f"{study}-{folds}", "-q"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    with (out / "cv_results.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [[round(float(row[f"split{fold}_test_score"]) * 1e4) for fold in range(folds)] for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--burn-tune", type=Path, default=Path("target/debug/burn-tune"))
    parser.add_argument("--studies", type=int, default=60)
    parser.add_argument("--to", type=Path, default=HERE / "scores.json")
    arguments = parser.parse_args()
    files = {kind: mnist(names[0]) for kind, names in NAMES.items()}
    done = json.loads(arguments.to.read_text()) if arguments.to.exists() else {str(k): [] for k in FOLDS}
    for study in range(arguments.studies):
        for folds in FOLDS:
            if study < len(done[str(folds)]):
                continue
            with tempfile.TemporaryDirectory() as folder:
                write_subset(Path(folder), files, study)
                done[str(folds)].append(scores(arguments.burn_tune.absolute(), Path(folder), study, folds))
        lines = ",\n".join(
            f'"{folds}": [\n' + ",\n".join(json.dumps(rows, separators=(",", ":")) for rows in studies) + "\n]"
            for folds, studies in done.items()
        )
        arguments.to.write_text("{" + lines + "}\n")
        print(f"study {study + 1} of {arguments.studies}", flush=True)


if __name__ == "__main__":
    main()
