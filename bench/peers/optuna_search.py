"""A peer: Optuna over a loop in PyTorch, with worker processes of one thread that share a study in SQLite.

Started by peers.py; `task.py` says how.
"""

import argparse
import multiprocessing
import tempfile

import numpy as np
import optuna
import torch

from loops import LOOPS, Loop, use_one_thread
from task import Task, arguments, seed_of, split, write_scores

STUDY = "peers"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loop", choices=LOOPS, required=True)
    args = arguments(parser)
    task: Task = args.task
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        storage = f"sqlite:///{folder}/studies.db"
        study = optuna.create_study(study_name=STUDY, storage=storage, direction="maximize")
        for configuration in task.configurations:
            study.enqueue_trial(configuration)
        search(task, storage, LOOPS[args.loop])
        write_scores(args.scores, [trial.user_attrs["scores"] for trial in study.trials])


def search(task: Task, storage: str, loop: Loop) -> None:
    """Forks the workers, so that they import nothing and have the data in common."""
    x, y = task.data()
    folds = list(split(task.folds).split(x, y))
    context = multiprocessing.get_context("fork")
    started, lock = context.Value("i", 0), context.Lock()
    args = (task, storage, loop, x, y, folds, started, lock)
    workers = [context.Process(target=work, args=args) for _ in range(task.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("a worker has failed")


def work(task: Task, storage: str, loop: Loop, x, y, folds, started, lock) -> None:
    use_one_thread()
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    folds = [(torch.from_numpy(train), torch.from_numpy(test)) for train, test in folds]
    study = optuna.load_study(study_name=STUDY, storage=storage)
    while True:
        # In SQLite two workers may take the same enqueued trial; then they would do more than their work.
        with lock:
            if started.value == len(task.configurations):
                return
            started.value += 1
            trial = study.ask()
        configuration = {key: trial.suggest_categorical(key, values) for key, values in task.space.items()}
        scores = []
        for fold, (train, test) in enumerate(folds):
            torch.manual_seed(seed_of(task.seed, trial.number, fold))
            scores.append(loop(configuration, x, y, train, test))
        trial.set_user_attr("scores", scores)
        study.tell(trial, float(np.mean(scores)))


if __name__ == "__main__":
    main()
