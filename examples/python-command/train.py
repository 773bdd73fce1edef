"""Boosted trees of scikit-learn, scored by cross-validation.

After each fold the mean loss so far is printed: of the trials that have come to the same fold, the pruner lets the better
half go on. burn-tune runs this for each trial; by hand it is

    python train.py --learning-rate 0.1 --max-depth 3 --subsample 0.8
"""

import argparse
import json
import os

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedStratifiedKFold

parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float, required=True)
parser.add_argument("--max-depth", type=int, required=True)
parser.add_argument("--subsample", type=float, required=True)
args = parser.parse_args()

# Another one for each trial, and the same in every run of the study.
seed = int(os.environ.get("BURN_TUNE_SEED", 0))
x, y = load_breast_cancer(return_X_y=True)
# The same folds for all trials, or their losses could not be compared.
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)

losses = []
for fold, (train, valid) in enumerate(folds.split(x, y), 1):
    model = GradientBoostingClassifier(**vars(args), random_state=seed).fit(x[train], y[train])
    losses.append(log_loss(y[valid], model.predict_proba(x[valid])))
    loss = sum(losses) / len(losses)
    print(json.dumps({"step": fold, "value": loss}), flush=True)

print(loss)  # the last line is the score
