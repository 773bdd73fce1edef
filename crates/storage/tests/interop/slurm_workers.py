"""`search --engine slurm`: the search submits its workers to a Slurm, and whatever happens to them, the leaderboard is
that of an undisturbed search, to the byte. Workers that cannot start, jobs that Slurm refuses, two searches on one
study, a cluster without any node, a Ctrl-C, a node that dies.

Starts a PostgreSQL and a Slurm of its own on 127.0.0.1 (Debian's packages `postgresql slurmctld slurmd slurm-client
munge`), in folders that it removes. The program has to be built with the feature `postgres`:

    cargo build -p burn-tune-cli --features burn-tune-cli/postgres
    python crates/storage/tests/interop/slurm_workers.py --burn-tune target/debug/burn-tune
"""

import argparse
import os
import pathlib
import signal
import subprocess
import re
import sys
import tempfile
import threading
import time

from harness import PATIENCE_S, BurnTune, Checks
from many_workers import COMMAND, ended, same, search_of, wait_until
from server import Server
from slurm import NODES, Slurm

TRIALS = 40
# Trials that take so long that the search sees the workers run before all are done.
SLOW = COMMAND.replace('"command"', '"slow"').replace("sleep 0.3", "sleep 1")
# Four workers with two trials each fill the cluster.
WORKERS = 4
ENGINE = ["--engine", "slurm", "--jobs", 2, "--lease", "5s", "--grace", "5s"]


class Search:
    """A search that has Slurm start its workers."""

    def __init__(
        self,
        burn_tune: BurnTune,
        slurm: Slurm,
        study: str,
        *args: object,
        workers: int = WORKERS,
        space: str = "command",
    ) -> None:
        os.environ["SLURM_CONF"] = slurm.environment["SLURM_CONF"]
        self.burn_tune, self.slurm, self.study = burn_tune, slurm, study
        self.out = f"out-{study}"
        search = [*search_of(space, TRIALS)[:-1], self.out]
        self.process = burn_tune.start(*search, "--study", study, *ENGINE, "--workers", workers, *args)
        self.lines: list[str] = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def said(self) -> str:
        """All that it has said so far."""
        return "".join(self.lines)

    def wait_until_it_says(self, text: str) -> None:
        wait_until(lambda: text in self.said(), lambda: f"it says {text!r}:\n{self.said()}")

    def wait_for_trials(self, count: int) -> None:
        wait_until(lambda: ended(self.burn_tune, self.study) >= count, lambda: f"trials end:\n{self.logs()}")

    def end(self) -> tuple[int, str]:
        """Its exit code, and all that it has said."""
        code = self.process.wait(timeout=PATIENCE_S)
        self.reader.join()
        return code, self.said()

    def folder(self) -> pathlib.Path:
        return self.burn_tune.folder / self.out / self.study / "engine"

    def logs(self) -> str:
        """What its workers have said."""
        return "\n".join(path.read_text() for path in self.folder().glob("slurm-*.log"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burn-tune", type=pathlib.Path, required=True)
    args = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder, Server() as server, Slurm() as slurm:
        check(checks, BurnTune(args.burn_tune, server.url, pathlib.Path(folder)), slurm)
    return checks.end()


def check(checks: Checks, burn_tune: BurnTune, slurm: Slurm) -> None:
    for name, space in [("command", COMMAND), ("slow", SLOW)]:
        burn_tune.write_space(name, space)
        burn_tune.on(str(burn_tune.folder / "alone.db")).search(name, TRIALS, "--jobs", 8)
    # It takes a while until nobody is left to work, so that is looked at later.
    failing = Search(burn_tune, slurm, "failing", "--worker-arg=--nonsense")
    refused(checks, burn_tune, slurm)
    two_searches(checks, burn_tune, slurm)
    without_nodes(checks, burn_tune, slurm)
    cannot_start(checks, failing)
    interrupted(checks, burn_tune, slurm)
    node_dies(checks, burn_tune, slurm)


def refused(checks: Checks, burn_tune: BurnTune, slurm: Slurm) -> None:
    with checks.section("a job that Slurm refuses"):
        code, said = Search(burn_tune, slurm, "refused", "--sbatch-arg=--partition=nowhere").end()
        checks.equal("the search ends as with wrong input", code, 2)
        checks.holds("with what Slurm says", "invalid partition specified: nowhere" in said, said)
        checks.holds("and how to go on", "--resume --study refused --storage" in said, said)
        checks.equal("the study is there", ended(burn_tune, "refused"), 0)


def two_searches(checks: Checks, burn_tune: BurnTune, slurm: Slurm) -> None:
    with checks.section("two searches on one study, each with workers of its own"):
        halves = [Search(burn_tune, slurm, "both", workers=2) for _ in range(2)]
        for half in halves:
            code, said = half.end()
            checks.holds("a search ends well", code == 0, said)
        same(checks, burn_tune, "both", "command")
        scripts = sorted(path.name for path in halves[0].folder().glob("*.sh"))
        checks.equal("the script of each is kept", scripts, ["slurm-2.sh", "slurm.sh"])


def without_nodes(checks: Checks, burn_tune: BurnTune, slurm: Slurm) -> None:
    with checks.section("a cluster that shrinks to nothing, and comes back"):
        search = Search(burn_tune, slurm, "nodes", space="slow")
        # Or it could not know later that they begin again.
        search.wait_until_it_says("4 workers run")
        search.wait_for_trials(5)
        nodes = f"nodename={','.join(NODES)}"
        for state in ["drain", "down"]:
            slurm.run("scontrol", "update", nodes, f"state={state}", "reason=check")
        wait_until(lambda: not running(slurm), lambda: "no worker runs")
        time.sleep(2)
        left = TRIALS - ended(burn_tune, "nodes")
        checks.holds("trials are left", left > 0, left)
        checks.holds("the search waits", search.process.poll() is None)
        slurm.run("scontrol", "update", nodes, "state=resume")
        # What Slurm begins again, it lets lie for two minutes.
        for job in slurm.run("squeue", "-h", "-r", "-t", "pending", "-o", "%i").split():
            slurm.run("scontrol", "update", f"jobid={job}", "starttime=now")
        code, said = search.end()
        checks.holds("the search ends well", code == 0, said)
        checks.holds("it has told that none runs", "no worker runs, 4 wait" in said, said)
        checks.holds("and that they begin again", "Slurm begins workers 0, 1, 2, 3 again" in said, said)
        same(checks, burn_tune, "nodes", "slow")


def cannot_start(checks: Checks, failing: Search) -> None:
    with checks.section("workers that cannot start"):
        code, said = failing.end()
        checks.equal("the search fails", code, 1)
        # Together, but for those that end between two looks at the queue.
        told = re.findall(r"(?:workers \(|worker )([\d, ]+)\)? on n", said)
        numbers = sorted(number for some in told for number in some.split(", "))
        checks.equal("it tells of each of them once", numbers, ["0", "1", "2", "3"])
        checks.holds("with the end of a log, once", said.count("unexpected argument '--nonsense'") == 1, said)
        checks.holds("and that nobody works", "and nobody else works on the study" in said, said)
        checks.holds("and how to go on", "--resume --study failing" in said, said)
        resumed = Search(failing.burn_tune, failing.slurm, "failing", "--resume")
        code, said = resumed.end()
        checks.holds("it goes on with others", code == 0, said)
        same(checks, failing.burn_tune, "failing", "command")


def interrupted(checks: Checks, burn_tune: BurnTune, slurm: Slurm) -> None:
    with checks.section("Ctrl-C ends the workers, and the study goes on with others"):
        search = Search(burn_tune, slurm, "stopped", workers=10)
        search.wait_for_trials(5)
        since = time.monotonic()
        search.process.send_signal(signal.SIGINT)
        code, said = search.end()
        checks.equal("its exit code says that it was interrupted", code, 130)
        checks.holds("soon", time.monotonic() - since < 10, time.monotonic() - since)
        checks.holds("it says how to go on", "--engine slurm --workers 10 --jobs 2" in said, said)
        checks.equal("nothing of its job runs or waits", running(slurm, "running,pending"), [])
        checks.holds("the workers have ended in order", "is asked to end" in search.logs(), search.logs())
        checks.holds("trials are left", ended(burn_tune, "stopped") < TRIALS, said)
        code, said = Search(burn_tune, slurm, "stopped", "--resume").end()
        checks.holds("the next search ends well", code == 0, said)
        same(checks, burn_tune, "stopped", "command")


def node_dies(checks: Checks, burn_tune: BurnTune, slurm: Slurm) -> None:
    with checks.section("a node dies"):
        search = Search(burn_tune, slurm, "night")
        search.wait_for_trials(10)
        checks.equal("every node has a worker", sorted(running(slurm)), NODES)
        seen = "".join(command_lines())
        checks.holds("no list of processes has the address of the database", burn_tune.database not in seen)
        slurm.kill_node("n3")
        code, said = search.end()
        checks.holds("the search ends well", code == 0, said)
        checks.holds("it has seen how many are at work", "processes are at work" in said, said)
        checks.holds("and what it has submitted", ", by the script " in said, said)
        same(checks, burn_tune, "night", "command")
        complete = "the study is complete"
        wait_until(lambda: search.logs().count(complete) == 3, lambda: f"three workers end:\n{search.logs()}")


def running(slurm: Slurm, states: str = "running") -> list[str]:
    """The nodes of what is in the queue in these states."""
    return [line.strip() for line in slurm.run("squeue", "-h", "-r", "-t", states, "-o", "%N.").split(".")[:-1]]


def command_lines() -> list[str]:
    done = subprocess.run(["ps", "-eo", "args"], text=True, capture_output=True, check=True)
    # This script itself, and the search, were started with it.
    return [line for line in done.stdout.splitlines() if " worker " in line]


if __name__ == "__main__":
    sys.exit(main())
