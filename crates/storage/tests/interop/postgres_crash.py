"""Several processes share a study in PostgreSQL; the server crashes in the middle, and one process is killed.

Starts a PostgreSQL of its own on 127.0.0.1 (Debian's package `postgresql`), in a folder that it removes, runs
`search` in several processes, restarts the server without a shutdown (`pg_ctl restart -m immediate`), again and
again, kills one of the processes with -9, and compares every leaderboard with that of a single process that nothing
happened to, to the byte. The program has to be built with the feature `postgres`:

    cargo build -p burn-tune-cli --features burn-tune-cli/postgres
    python crates/storage/tests/interop/postgres_crash.py --burn-tune target/debug/burn-tune
"""

import argparse
import pathlib
import random
import signal
import sys
import tempfile
import time

from harness import PATIENCE_S, BurnTune, Checks
from server import Server

SPACE = """
[study]
name = "crash"
top = 2
refit_seeds = 2
[space]
batch_size = [50, 100]
lr = { low = 1e-3, high = 1e-1, log = true }
epochs = [1, 2]
depth = [0, 1]
hidden_size = 16
"""
TRIALS = 60
PROCESSES = 3
CRASHES = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burn-tune", type=pathlib.Path, required=True)
    args = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        with Server() as server:
            check(checks, BurnTune(args.burn_tune, server.url, pathlib.Path(folder)), server)
    return checks.end()


def check(checks: Checks, burn_tune: BurnTune, server: Server) -> None:
    burn_tune.write_space("crash", SPACE)
    search = ["search", "--space", "crash.toml", "--trials", TRIALS, "--limit", "6000", "--jobs", "1"]
    alone = burn_tune.on(str(burn_tune.folder / "alone.db"))
    alone.run(*search, "--out", "alone", "--quiet")
    expected = (burn_tune.folder / "alone/leaderboard.json").read_bytes()

    with checks.section(f"{PROCESSES} processes, {CRASHES} crashes of the server, one process killed"):
        shared = [*search, "--study", "shared", "--lease", "20s", "--out"]
        processes = [burn_tune.start(*shared, f"out{number}") for number in range(PROCESSES)]
        for number in range(CRASHES):
            # By the work that is done and not by the clock, so that there is work left on a machine of any speed.
            wait_until_ended(burn_tune, TRIALS * (number + 1) // (2 * CRASHES))
            time.sleep(random.uniform(0, 0.1))
            server.crash()
            if number == 0:
                processes[1].send_signal(signal.SIGKILL)
        at_work = [process.poll() is None for process in processes]
        checks.holds("the others are at work after the last crash", at_work[0] and at_work[2], at_work)
        said = [process.communicate(timeout=240)[0] for process in processes]
        for number, (process, text) in enumerate(zip(processes, said)):
            if number == 1:
                checks.equal("the killed process was at work", process.returncode, -signal.SIGKILL)
                continue
            checks.holds(f"process {number} ends well", process.returncode == 0, text)
            leaderboard = burn_tune.folder / f"out{number}/leaderboard.json"
            same = leaderboard.exists() and leaderboard.read_bytes() == expected
            checks.holds(f"the leaderboard of process {number} is that of a single undisturbed one", same)
    with checks.section("what is in the database"):
        trials = burn_tune.json("trials", "--study", "shared")
        checks.equal("every trial is there once", [trial["number"] for trial in trials], list(range(TRIALS)))
        states = {trial["state"] for trial in trials}
        checks.equal("and has ended", states - {"complete", "failed"}, set())
        study = burn_tune.json("studies")[0]
        checks.equal("it is the only study", study["name"], "shared")


def wait_until_ended(burn_tune: BurnTune, count: int) -> None:
    """Until `count` trials of the shared study have ended."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if sum(study["complete"] + study["failed"] for study in burn_tune.json("studies")) >= count:
                return
        except RuntimeError:
            pass  # The server is down, or the study has just been begun.
        time.sleep(0.02)
    raise RuntimeError(f"{count} trials have not ended within {PATIENCE_S} s")


if __name__ == "__main__":
    sys.exit(main())
