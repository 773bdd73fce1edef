"""What the checks of this folder share: how they are counted and told, and how burn-tune is run.

Nothing is checked here. `optuna_reads.py` and `dashboard.py` say how they are run.
"""

import json
import pathlib
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# The longest that a command of burn-tune may take here: far longer than it does.
PATIENCE_S = 120
NOTHING = type("Nothing", (), {"__repr__": lambda self: "nothing"})()


class Checks:
    """Prints a line for each check, and remembers whether all held."""

    def __init__(self) -> None:
        self.held = 0
        self.failed = 0
        self.start = time.monotonic()

    def holds(self, what: str, condition: bool, instead: object = "") -> None:
        """`what` is so; `instead` is what was there if not."""
        if condition:
            self.held += 1
            print(f"  ok      {what}", flush=True)
        else:
            self.failed += 1
            print(f"  FAILED  {what}" + (f"\n          there was: {instead}" if instead != "" else ""), flush=True)

    def equal(self, what: str, found: object, expected: object) -> None:
        """`found` is `expected`, in all its parts and their types: neither `True` nor `1.0` is `1`."""
        differing = list(differences(expected, found))
        self.holds(what, not differing)
        for place, wanted, instead in differing[:5]:
            print(f"          at {place or 'all'}: expected {wanted!r}\n          there was {instead!r}")

    @contextmanager
    def section(self, title: str) -> Iterator[None]:
        """The checks within are about `title`. What breaks off one section does not keep the others from running."""
        print(f"{title} ({time.monotonic() - self.start:.1f} s)", flush=True)
        try:
            yield
        except Exception as error:  # Whatever it is, it is not what was expected.
            self.holds(f"the rest of this section runs: {error!r}", False)
            traceback.print_exc(file=sys.stdout)

    def end(self) -> int:
        """Says how it went; the program's exit code."""
        seconds = time.monotonic() - self.start
        print(f"{self.held} checks held and {self.failed} failed, in {seconds:.1f} s")
        return 1 if self.failed else 0


def differences(expected: Any, found: Any, place: str = "") -> Iterator[tuple[str, object, object]]:
    """Where two values differ: the place in them, and what is there."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in [*expected, *(key for key in found if key not in expected)]:
            yield from differences(expected.get(key, NOTHING), found.get(key, NOTHING), f"{place}[{key!r}]")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (one, other) in enumerate(zip(expected, found)):
            yield from differences(one, other, f"{place}[{index}]")
    elif type(expected) is not type(found) or expected != found:
        yield place, expected, found


class BurnTune:
    """The program, at work in a folder and on a database."""

    def __init__(self, program: pathlib.Path, database: str, folder: pathlib.Path) -> None:
        self.program = program.resolve()
        self.database = database
        self.folder = folder

    def on(self, database: str | None) -> "BurnTune":
        """The same program on another database, where there is one."""
        return BurnTune(self.program, database or self.database, self.folder)

    def command(self, *args: object) -> list[str]:
        return [str(self.program), *map(str, args), "--storage", self.database]

    def run(self, *args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs a command, which must end with `code`."""
        command = self.command(*args)
        done = subprocess.run(command, cwd=self.folder, text=True, capture_output=True, timeout=PATIENCE_S)
        if done.returncode != code:
            ended = f"{' '.join(command)}\nended with {done.returncode}, not {code}"
            raise RuntimeError(f"{ended}:\n{done.stdout}{done.stderr}")
        return done

    def start(self, *args: object) -> "subprocess.Popen[str]":
        """Starts a command, which goes on beside this program."""
        return subprocess.Popen(
            self.command(*args), cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def write_space(self, name: str, toml: str) -> pathlib.Path:
        path = self.folder / f"{name}.toml"
        path.write_text(toml)
        return path

    def search(self, space: str, trials: int, *args: object, out: str | None = None) -> dict[str, Any]:
        """Runs a search of `space`.toml, and returns its leaderboard."""
        out = out or space
        self.run("search", "--space", f"{space}.toml", "--trials", trials, "--out", out, "--quiet", *args)
        return self.leaderboard(out)

    def leaderboard(self, out: str) -> dict[str, Any]:
        return json.loads((self.folder / out / "leaderboard.json").read_text())

    def json(self, *args: object) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.run(*args, "--format", "json").stdout)
