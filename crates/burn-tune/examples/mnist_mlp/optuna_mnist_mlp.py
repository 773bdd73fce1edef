"""The search of main.rs with Optuna and scikit-learn: pip install optuna scikit-learn zstandard"""
import numpy as np
import optuna
from data import load_mnist
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier

FOLDS, EPOCHS = 3, 5
(x_train, y_train), (x_test, y_test) = load_mnist(rows=3000)


def build(params, seed):
    return MLPClassifier(
        hidden_layer_sizes=(params["hidden"],),
        activation=params["activation"],
        learning_rate_init=params["lr"],
        batch_size=params["batch"],
        random_state=seed,
    )


def fit(model, x, y, valid, report=None):
    for epoch in range(1, EPOCHS + 1):
        model.partial_fit(x, y, classes=np.arange(10))
        accuracy = model.score(*valid)
        if report is not None:
            report(epoch, accuracy)
    return accuracy


def objective(trial):
    params = {
        "lr": trial.suggest_float("lr", 1e-4, 1e-1, log=True),
        "hidden": trial.suggest_int("hidden", 32, 256, step=32),
        "batch": trial.suggest_categorical("batch", [32, 64, 128]),
        "activation": trial.suggest_categorical("activation", ["relu", "tanh"]),
    }

    def report(epoch, accuracy):
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned()

    scores = []
    folds = StratifiedKFold(FOLDS).split(x_train, y_train)
    for fold, (train, valid) in enumerate(folds):
        model = build(params, seed=1000 * trial.number + fold)
        valid = (x_train[valid], y_train[valid])
        first = report if fold == 0 else None
        scores.append(fit(model, x_train[train], y_train[train], valid, first))
    trial.set_user_attr("std_test_score", float(np.std(scores)))
    return float(np.mean(scores))


study = optuna.create_study(
    study_name="mnist-mlp",
    storage="sqlite:///optuna.db",
    load_if_exists=True,
    direction="maximize",
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=optuna.pruners.MedianPruner(),
)
study.optimize(objective, n_trials=20)
best = study.best_trial
print("best", best.number, best.value, best.params)
for seed in (0, 1):
    model = build(best.params, seed)
    print("refit", fit(model, x_train, y_train, (x_test, y_test)))
