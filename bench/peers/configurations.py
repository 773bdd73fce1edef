"""The list of configurations that every system gets: draws of scikit-learn's ParameterSampler from space.toml."""

import json
import tomllib
from pathlib import Path
from typing import Any

SPACE_FILE = Path(__file__).parent / "space.toml"

Configuration = dict[str, Any]
Space = dict[str, list[Any]]


def space(epochs: int | None) -> Space:
    """The values of each parameter; with `epochs`, every configuration is trained for so many."""
    lists = tomllib.loads(SPACE_FILE.read_text())["space"]
    return lists | ({"epochs": [epochs]} if epochs else {})


def draw(lists: Space, count: int, seed: int) -> list[Configuration]:
    """`count` different configurations."""
    from sklearn.model_selection import ParameterSampler

    drawn = ParameterSampler(lists, count, random_state=seed)
    return [{key: plain(value) for key, value in configuration.items()} for configuration in drawn]


def plain(value: Any) -> Any:
    """A number of numpy's as one of Python's."""
    return value.item() if hasattr(value, "item") else value


def space_file(configurations: list[Configuration]) -> str:
    """The space, with the configurations as its explicit trials: what burn-tune searches."""
    trials = [
        "\n[[trial]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in configuration.items())
        for configuration in configurations
    ]
    return SPACE_FILE.read_text() + "".join(trials)
