"""What simpler forecasts come to in the years that this example has: three folds, and the test years.

    pip install pandas statsmodels
    python peers.py
"""

from pathlib import Path

import numpy
import pandas
from statsmodels.tsa.ar_model import AutoReg

FIRST_YEAR, TEST_YEAR, FOLDS, YEARS_A_FOLD = 1700, 1980, 3, 30

spots = pandas.read_csv(Path(__file__).parent / "data/sunspots.csv")["SUNACTIVITY"].to_numpy(float)


def as_before(begin, end):
    return spots[begin - 1 : end - 1]


def autoregression(lags, to_unit, to_spots):
    def forecasts(begin, end):
        series = to_unit(spots)
        constant, *weights = AutoReg(series[:begin], lags).fit().params
        past = [series[year - lags : year][::-1] for year in range(begin, end)]
        return to_spots(constant + numpy.array(past) @ weights)

    return forecasts


def rmse(forecasts, begin, end):
    return numpy.sqrt(numpy.mean((forecasts(begin, end) - spots[begin:end]) ** 2))


test = TEST_YEAR - FIRST_YEAR
begins = [test - YEARS_A_FOLD * (FOLDS - fold) for fold in range(FOLDS)]
for name, forecasts in [
    ("as many as this year", as_before),
    ("autoregression of 9 years", autoregression(9, lambda x: x, lambda x: x)),
    ("the same of square roots", autoregression(9, numpy.sqrt, lambda x: numpy.maximum(x, 0) ** 2)),
]:
    scores = [rmse(forecasts, begin, begin + YEARS_A_FOLD) for begin in begins]
    print(f"{name:26}  folds {numpy.mean(scores):.2f} ± {numpy.std(scores):.2f}  test {rmse(forecasts, test, len(spots)):.2f}")
