"""What the arguments of this folder's programs may be."""

import argparse
from collections.abc import Callable


def at_least(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"`{text}` is no whole number from {least} on")
        return int(text)

    return parse


def numbers(text: str) -> list[int]:
    """Numbers above 0, with commas between them."""
    return [at_least(1)(part) for part in text.split(",")]


def some_of(names: list[str]) -> Callable[[str], list[str]]:
    """Some of `names`, with commas between them."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := [name for name in chosen if name not in names]:
            raise argparse.ArgumentTypeError(f"`{unknown[0]}` is none of {', '.join(names)}")
        return list(dict.fromkeys(chosen))

    return parse
