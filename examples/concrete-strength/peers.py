"""What scikit-learn's models come to on the rows that this example has: 5 folds, and the test rows.

    pip install pandas scikit-learn
    python peers.py
"""

from pathlib import Path

import numpy
import pandas
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TEST_ROWS = 205

table = pandas.read_csv(Path(__file__).parent / "data/concrete.csv")
y = table.pop("compressive_strength")
logarithmic = table.assign(age=numpy.log(table["age"]))


def ridge():
    alphas = numpy.logspace(-3, 3, 25)
    return TransformedTargetRegressor(make_pipeline(StandardScaler(), RidgeCV(alphas)), transformer=StandardScaler())


def forest():
    return RandomForestRegressor(n_estimators=500, random_state=0, n_jobs=-1)


for name, model, x in [
    ("ridge", ridge(), table),
    ("ridge, logarithm of the age", ridge(), logarithmic),
    ("random forest of 500 trees", forest(), table),
]:
    train, test = slice(None, -TEST_ROWS), slice(-TEST_ROWS, None)
    scores = -cross_val_score(model, x[train], y[train], cv=KFold(5), scoring="neg_root_mean_squared_error")
    on_test = root_mean_squared_error(y[test], model.fit(x[train], y[train]).predict(x[test]))
    print(f"{name:28}  5 folds {scores.mean():.2f} ± {scores.std():.2f}  test {on_test:.2f}")
