"""The search spaces that the checks use, and what Optuna is to find their parameters drawn from.

Together they have every kind of domain: a float range, with a step, with a logarithm; an int range, with a
step, with a logarithm; lists of strings, booleans, floats and ints; fixed values of each type. Explicit
trials state values inside of them and outside.
"""

import warnings
from dataclasses import dataclass

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution as Choices,
    FloatDistribution as Float,
    IntDistribution as Int,
)


@dataclass
class Space:
    """A space file, how many trials of it are run, and the distributions that these must have."""

    toml: str
    trials: int
    distributions: dict[str, BaseDistribution]


def _spaces() -> dict[str, Space]:
    return {
        "plain": Space(
            """
            [study]
            top = 2
            refit_seeds = 2
            [space]
            lr          = { low = 0.001, high = 0.1 }
            batch_size  = { low = 20, high = 60 }
            hidden_size = { low = 8, high = 30, step = 4 } # 28 is the last
            depth       = [0, 1, 2]
            activation  = ["relu", "tanh", "silu"]
            softmax     = [false, true]
            epochs      = 1
            """,
            6,
            {
                "lr": Float(0.001, 0.1),
                "batch_size": Int(20, 60),
                "hidden_size": Int(8, 30, step=4),
                "depth": Choices([0, 1, 2]),
                "activation": Choices(["relu", "tanh", "silu"]),
                "softmax": Choices([False, True]),
                "epochs": Choices([1]),
            },
        ),
        "logs": Space(
            """
            [study]
            top = 0
            [space]
            lr          = { low = 1e-3, high = 1e-1, log = true }
            batch_size  = { low = 16, high = 64, log = true }
            hidden_size = 12
            depth       = 1
            activation  = "relu"
            softmax     = false
            epochs      = 1
            [[trial]]
            name = "within"
            lr = 0.01
            batch_size = 20
            [[trial]]
            name = "wide"
            lr = 0.5
            batch_size = 100
            softmax = true
            """,
            5,
            {
                "lr": Float(1e-3, 0.5, log=True),
                "batch_size": Int(16, 100, log=True),
                "hidden_size": Choices([12]),
                "depth": Choices([1]),
                "activation": Choices(["relu"]),
                "softmax": Choices([False, True]),
                "epochs": Choices([1]),
            },
        ),
        "steps": Space(
            """
            [study]
            top = 1
            refit_seeds = 1
            [space]
            lr          = { low = 0.01, high = 0.1, step = 0.02 }
            batch_size  = [16, 32]
            hidden_size = { low = 10, high = 30, step = 7 }
            depth       = { low = 0, high = 2 }
            activation  = ["relu", "tanh"]
            softmax     = [false]
            epochs      = 1
            [[trial]]
            name = "on the grid of lr, off the grid of hidden_size"
            lr = 0.15
            hidden_size = 25
            depth = 3
            activation = "gelu"
            batch_size = 64
            """,
            5,
            {
                "lr": Float(0.01, 0.15, step=0.02),
                "batch_size": Choices([16, 32, 64]),
                "hidden_size": Int(10, 30),
                "depth": Int(0, 3),
                "activation": Choices(["relu", "tanh", "gelu"]),
                "softmax": Choices([False]),
                "epochs": Choices([1]),
            },
        ),
        "odd": Space(
            """
            [study]
            direction = "minimize"
            top = 0
            [space]
            lr          = { low = 0.01, high = 0.1, step = 0.03 }
            batch_size  = { low = 20, high = 40, step = 10 }
            hidden_size = [8, 16]
            depth       = 0
            epochs      = 1
            [[trial]]
            name = "off the grid"
            lr = 0.025
            """,
            5,
            {
                "lr": Float(0.01, 0.1),
                "batch_size": Int(20, 40, step=10),
                "hidden_size": Choices([8, 16]),
                "depth": Choices([0]),
                "epochs": Choices([1]),
            },
        ),
        "lists": Space(
            """
            [study]
            top = 0
            [space]
            lr          = [0.01, 0.05]
            batch_size  = 50
            hidden_size = [8, 16]
            depth       = [1, 2]
            softmax     = [true, false]
            epochs      = [1, 2]
            [[trial]]
            name = "further choices"
            lr = 0.02
            hidden_size = 12
            [[trial]]
            name = "fails"
            lr = 1e30
            softmax = false
            """,
            6,
            {
                "lr": Choices([0.01, 0.05, 0.02, 1e30]),
                "batch_size": Choices([50]),
                "hidden_size": Choices([8, 16, 12]),
                "depth": Choices([1, 2]),
                "softmax": Choices([True, False]),
                "epochs": Choices([1, 2]),
            },
        ),
    }


with warnings.catch_warnings():
    # Optuna, too, takes the last value that the step leads to, and says so.
    warnings.simplefilter("ignore")
    SPACES = _spaces()

# A search whose first trial takes seconds, even of few examples, and whose others take none.
SLOW = SPACES["plain"].toml.replace("top = 2", "top = 0") + """
            [[trial]]
            name = "slow"
            epochs = 100
"""
