"""A peer: scikit-learn's search over skorch's NeuralNetClassifier, as the report that began this project did it.

Started by peers.py; `task.py` says how. RandomizedSearchCV would draw for itself: a GridSearchCV over grids of one
point each does the same work on the configurations that it is given.
"""

import argparse
import zlib

import torch
from skorch import NeuralNetClassifier
from sklearn.model_selection import GridSearchCV

import loops
from configurations import Configuration
from task import Task, arguments, seed_of, split, write_scores


class Network(torch.nn.Module):
    def __init__(self, activation: str = "relu", depth: int = 1, hidden_size: int = 500) -> None:
        super().__init__()
        self.body = loops.network(activation, depth, hidden_size)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.body(pixels)


class SeededClassifier(NeuralNetClassifier):
    """Each training has a seed of its own, which follows from what it is trained on."""

    def __init__(self, *args, study_seed: int = 0, **kwargs) -> None:
        self.study_seed = study_seed
        super().__init__(*args, **kwargs)

    def fit(self, x, y, **params):
        torch.set_num_threads(1)
        of_module = sorted(self.get_params_for("module").items())
        parts = (self.study_seed, self.lr, self.batch_size, self.max_epochs, of_module, zlib.crc32(y.tobytes()))
        torch.manual_seed(seed_of(*parts))
        return super().fit(x, y, **params)


def grid(c: Configuration) -> dict[str, list[object]]:
    """One configuration as a grid of one point."""
    module = {f"module__{key}": [c[key]] for key in ("activation", "depth", "hidden_size")}
    return {"batch_size": [c["batch_size"]], "lr": [c["lr"]], "max_epochs": [c["epochs"]], **module}


def main() -> None:
    args = arguments(argparse.ArgumentParser(description=__doc__.splitlines()[0]))
    task: Task = args.task
    x, y = task.data()
    classifier = SeededClassifier(
        Network,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        study_seed=task.seed,
    )
    grids = [grid(configuration) for configuration in task.configurations]
    search = GridSearchCV(classifier, grids, cv=split(task.folds), n_jobs=task.jobs, refit=False, scoring="accuracy")
    results = search.fit(x, y).cv_results_
    by_fold = [results[f"split{fold}_test_score"] for fold in range(task.folds)]
    write_scores(args.scores, [[float(score) for score in scores] for scores in zip(*by_fold)])


if __name__ == "__main__":
    main()
