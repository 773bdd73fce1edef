"""Workers on studies that a search has begun, in PostgreSQL and SQLite, and all that can happen to them.

Starts a PostgreSQL of its own on 127.0.0.1 (Debian's package `postgresql`), in a folder that it removes. Workers are
killed, stopped past their leases, asked to end; the searching process is killed; the server crashes, the network
to it swallows everything for a while, and disks are full (where root runs this, who can make small ones). Every
leaderboard is compared with that of a single process that nothing happened to, to the byte. The program has to be built with the feature `postgres`:

    cargo build -p burn-tune-cli --features burn-tune-cli/postgres
    python crates/storage/tests/interop/many_workers.py --burn-tune target/debug/burn-tune
"""

import argparse
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable

from harness import PATIENCE_S, BurnTune, Checks
from server import Server, SmallDisk

COMMAND = """
[study]
name = "command"
sampler = "tpe"
window = 8
[objective]
command = "sh -c 'sleep 0.3; echo {a}'"
[space]
a = { low = 0.0, high = 1.0 }
b = ["x", "y"]
"""
# Takes long, unless there is the file `go`.
LONG = """
[study]
name = "long"
[objective]
command = "sh -c 'test -e go || sleep 60; echo {a}'"
[space]
a = { low = 0.0, high = 1.0 }
"""
MODEL = """
[study]
name = "model"
folds = 2
top = 2
refit_seeds = 2
[[trial]]
name = "first"
lr = 0.01
[space]
batch_size = [50, 100]
lr = { low = 1e-3, high = 1e-1, log = true }
epochs = 1
depth = [0, 1]
hidden_size = 16
"""
TRIALS = 40
MODEL_TRIALS = 10
# The shortest that there is.
LEASE = ["--lease", "5s"]


class Worker:
    """A worker at work."""

    def __init__(self, burn_tune: BurnTune, study: str, *args: object) -> None:
        Worker.count = getattr(Worker, "count", 0) + 1
        self.path = burn_tune.folder / f"worker-{Worker.count}.log"
        args = ("worker", "--study", study, "--allow-command", "--log", self.path, *LEASE, *args)
        self.process = burn_tune.start(*args)

    def log(self) -> str:
        return self.path.read_text() if self.path.exists() else ""

    def wait_for(self, text: str) -> None:
        def stands_there() -> bool:
            # Asked first: it may write and end in between.
            has_ended = self.process.poll() is not None
            if text in self.log():
                return True
            if has_ended:
                raise RuntimeError(f"it has ended, and {text!r} is not in its log:\n{self.log()}")
            return False

        wait_until(stands_there, lambda: f"{text!r} stands in the log:\n{self.log()}")

    def end(self) -> tuple[int, str]:
        """Its exit code, and what it has said."""
        said = self.process.communicate(timeout=PATIENCE_S)[0]
        return self.process.returncode, said


class Network(threading.Thread):
    """A way to the server that can be blocked: then it takes everything, and passes nothing on."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.server = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.is_blocked = False
        self.start()

    def run(self) -> None:
        ways: dict[socket.socket, socket.socket] = {}
        while True:
            for readable in select.select([self.listener, *ways], [], [], 0.05)[0]:
                if readable is self.listener:
                    client = self.listener.accept()[0]
                    server = socket.create_connection(self.server)
                    ways |= {client: server, server: client}
                    continue
                try:
                    data = readable.recv(65536)
                    if data and not self.is_blocked:
                        ways[readable].sendall(data)
                except OSError:
                    data = b""
                if not data:
                    other = ways.pop(readable)
                    ways.pop(other, None)
                    readable.close()
                    other.close()
                    # What else is readable may be closed by now.
                    break


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
    for name, space in [("command", COMMAND), ("long", LONG), ("model", MODEL)]:
        burn_tune.write_space(name, space)
    alone = burn_tune.on(str(burn_tune.folder / "alone.db"))
    alone.search("command", TRIALS, "--jobs", 8)
    alone.search("model", MODEL_TRIALS, "--limit", 1000, "--jobs", 2)
    refusals(checks, burn_tune)
    killed_stopped_and_crashed(checks, burn_tune, server)
    search_is_gone(checks, burn_tune)
    files(checks, burn_tune.on(str(burn_tune.folder / "shared.db")))
    asked_to_end(checks, burn_tune)
    network(checks, burn_tune, server)
    if os.geteuid() == 0:
        full_disk_of_server(checks, burn_tune, server)
        full_disk_of_worker(checks, burn_tune)
    else:
        print("full disks: left out, since only root can make small ones")


def refusals(checks: Checks, burn_tune: BurnTune) -> None:
    with checks.section("what is refused, with the reason"):
        nothing = burn_tune.run("worker", "--study", "none", code=2).stderr
        checks.holds("a database without tables gets none", "it is empty" in nothing, nothing)
        burn_tune.search("command", 1, "--study", "refused", out="refused")
        unknown = burn_tune.run("worker", "--study", "refuse", code=2).stderr
        checks.holds("a study that is not there, with those that are", "`refused`" in unknown, unknown)
        command = burn_tune.run("worker", "--study", "refused", code=2).stderr
        checks.holds("a command that nobody has allowed is shown", "sleep 0.3" in command, command)
        checks.holds("and how to allow it is said", "--allow-command" in command, command)
        told = burn_tune.on(burn_tune.database.replace("burntune@", "burntune:secret@"))
        done = told.run("worker", "--study", "refused", "--allow-command")
        checks.holds("a password in the arguments is warned of", "list of processes" in done.stderr, done.stderr)
        checks.holds("and not repeated", "secret" not in done.stdout + done.stderr, done.stderr)
        checks.holds("a study that is complete has nothing to do", "is complete" in done.stderr, done.stderr)


def killed_stopped_and_crashed(checks: Checks, burn_tune: BurnTune, server: Server) -> None:
    with checks.section("one worker killed, one stopped past its lease, and the server crashes"):
        early = Worker(burn_tune, "faults", "--wait-for-study", "60s", "--jobs", 2, "--metrics", 0)
        early.wait_for("waits for the study faults")
        search = burn_tune.start(*search_of("command", TRIALS), "--study", "faults", "--jobs", 1, *LEASE)
        killed, stopped = (Worker(burn_tune, "faults", "--wait-for-study", "60s", "--jobs", 2) for _ in range(2))
        for worker in [early, killed, stopped]:
            worker.wait_for(" begins")
        stopped.process.send_signal(signal.SIGSTOP)
        since = time.monotonic()
        killed.process.send_signal(signal.SIGKILL)
        server.crash()
        wait_until(lambda: ended(burn_tune, "faults") >= TRIALS // 2, lambda: "trials end after the crash")
        counts = metrics(early.log())
        checks.holds("counts are shown", 'burn_tune_trials_total{outcome="complete"}' in counts, counts)
        said = search.communicate(timeout=PATIENCE_S)[0]
        checks.holds("the search ends well", search.returncode == 0, said)
        checks.holds("and says how many processes there are", "processes are at work" in said, said)
        checks.holds("after the lease of the stopped one", time.monotonic() - since > 5, time.monotonic() - since)
        stopped.process.send_signal(signal.SIGCONT)
        code, said = stopped.end()
        checks.equal("the stopped one ends well", code, 0)
        checks.holds("its late result is refused", "has taken this trial over" in said, said)
        code, said = early.end()
        checks.equal("the undisturbed one ends well", code, 0)
        checks.holds("and notes that the database was away", "connected with the database again" in early.log(), said)
        same(checks, burn_tune, "faults", "command")


def search_is_gone(checks: Checks, burn_tune: BurnTune) -> None:
    with checks.section("workers alone: the search is killed, with our model and refits"):
        model = [*search_of("model", MODEL_TRIALS), "--study", "gone", "--limit", 1000, "--jobs", 1]
        search = burn_tune.start(*model)
        wait_until(lambda: ended(burn_tune, "gone") >= 1, lambda: "a trial has ended")
        search.send_signal(signal.SIGKILL)
        search.wait()
        workers = [Worker(burn_tune, "gone", "--jobs", 1) for _ in range(2)]
        for worker in workers:
            code, said = worker.end()
            checks.holds("a worker ends well", code == 0, said)
        refits = sum(worker.log().count(", refit from seed ") for worker in workers)
        checks.holds("they have done the refits", refits >= 8, refits)
        same(checks, burn_tune, "gone", "model")


def files(checks: Checks, burn_tune: BurnTune) -> None:
    with checks.section("workers and a search on one file of SQLite"):
        search = burn_tune.start(*search_of("command", TRIALS), "--study", "file", "--jobs", 2)
        workers = [Worker(burn_tune, "file", "--wait-for-study", "60s", "--jobs", 3) for _ in range(2)]
        workers[0].wait_for(" begins")
        workers[0].process.kill()
        code, said = workers[1].end()
        checks.holds("a worker ends well", code == 0, said)
        said = search.communicate(timeout=PATIENCE_S)[0]
        checks.holds("the search ends well", search.returncode == 0, said)
        same(checks, burn_tune, "file", "command")


def asked_to_end(checks: Checks, burn_tune: BurnTune) -> None:
    with checks.section("a worker that is asked to end leaves its trial to others at once"):
        search = burn_tune.start(*search_of("long", 1), "--study", "long", "--jobs", 1)
        wait_until(lambda: "long" in names(burn_tune), lambda: "the study is there")
        search.send_signal(signal.SIGKILL)
        search.wait()
        first = Worker(burn_tune, "long", "--grace", "1s", "--jobs", 1)
        first.wait_for("trial 0 begins")
        idle = Worker(burn_tune, "long", "--idle-exit", "1s")
        code, said = idle.end()
        checks.holds("one that has nothing to do ends, where that is wanted", code == 0, said)
        checks.holds("and says so", "there was nothing to do for 1s" in said, said)
        second = Worker(burn_tune, "long", "--jobs", 1)
        second.wait_for("works on the study")
        (burn_tune.folder / "go").touch()
        since = time.monotonic()
        first.process.terminate()
        code, said = first.end()
        checks.equal("its exit code says that it was interrupted", code, 130)
        checks.holds("after its time to end", 1 <= time.monotonic() - since < 20, time.monotonic() - since)
        checks.holds("its trial is abandoned", "abandoned, and left to others" in said, said)
        code, said = second.end()
        checks.holds("another one has ended the trial", code == 0 and "trial 0: 0." in said, said)


def network(checks: Checks, burn_tune: BurnTune, server: Server) -> None:
    with checks.section("a network that takes everything and passes nothing on"):
        way = Network(server.port)
        url = f"{burn_tune.database.replace(str(server.port), str(way.port))}?connect_timeout=1&tcp_user_timeout=500"
        far = burn_tune.on(url)
        search = burn_tune.start(*search_of("command", TRIALS), "--study", "far", "--jobs", 1)
        wait_until(lambda: "far" in names(burn_tune), lambda: "the study is there")
        worker = Worker(far, "far", "--jobs", 2)
        worker.wait_for(" begins")
        way.is_blocked = True
        since = time.monotonic()
        silent = far.run("worker", "--study", "far", "--allow-command", code=1).stderr
        checks.holds("a server that never answers is given up", "no answer within 1 s" in silent, silent)
        checks.holds("soon", time.monotonic() - since < 20, time.monotonic() - since)
        time.sleep(2)
        way.is_blocked = False
        code, said = worker.end()
        checks.holds("the worker goes on when it is back", code == 0 and "no answer within 1 s" in said, said)
        said = search.communicate(timeout=PATIENCE_S)[0]
        checks.holds("the search ends well", search.returncode == 0, said)
        same(checks, burn_tune, "far", "command")


def full_disk_of_server(checks: Checks, burn_tune: BurnTune, server: Server) -> None:
    with checks.section("the disk of the server is full for a while"), SmallDisk(
        server.folder / "small", 24, "postgres"
    ) as disk:
        server.sql(f"CREATE TABLESPACE small LOCATION '{disk.folder}'")
        server.sql("CREATE DATABASE small TABLESPACE small")
        on_small = burn_tune.on(burn_tune.database.replace("/tune", "/small"))
        search = on_small.start(*search_of("command", TRIALS), "--study", "full", "--jobs", 1)
        worker = Worker(on_small, "full", "--wait-for-study", "60s", "--jobs", 2)
        worker.wait_for(" begins")
        disk.fill()
        refused = "No space left on device"
        wait_until(lambda: refused in server.log(), lambda: f"{refused!r} stands in the server's log")
        time.sleep(2)
        running = [search.poll(), worker.process.poll()]
        checks.equal("both wait", running, [None, None])
        disk.free()
        code, said = worker.end()
        checks.holds("the worker ends well once there is room", code == 0, said)
        said = search.communicate(timeout=PATIENCE_S)[0]
        checks.holds("as does the search", search.returncode == 0, said)
        same(checks, on_small, "full", "command")
        server.sql("DROP DATABASE small WITH (FORCE)")
        server.sql("DROP TABLESPACE small")


def full_disk_of_worker(checks: Checks, burn_tune: BurnTune) -> None:
    with checks.section("the disk of a worker is full"), SmallDisk(burn_tune.folder / "node", 4) as disk:
        out = ("--out", disk.folder / "out", "--keep-models", MODEL_TRIALS)
        search = burn_tune.start(*search_of("model", MODEL_TRIALS), "--study", "node", "--limit", 1000, "--watch")
        disk.fill()
        refused = burn_tune.start("worker", "--study", "node", "--wait-for-study", "60s", *out)
        said = refused.communicate(timeout=PATIENCE_S)[0]
        checks.holds("one that begins is refused with the place", "cannot write" in said and str(disk.folder) in said, said)
        checks.holds("by its exit code, too", refused.returncode != 0, said)
        disk.free()
        worker = Worker(burn_tune, "node", "--jobs", 1, *out)
        worker.wait_for(" begins")
        disk.fill()
        code, said = worker.end()
        checks.holds("one at work goes on", code == 0, said)
        said = search.communicate(timeout=PATIENCE_S)[0]
        checks.holds("the search ends well", search.returncode == 0, said)
        same(checks, burn_tune, "node", "model")


def search_of(space: str, trials: int) -> list[object]:
    return ["search", "--space", f"{space}.toml", "--trials", trials, "--out", f"out-{space}"]


def same(checks: Checks, burn_tune: BurnTune, study: str, space: str) -> None:
    """The leaderboard of `study` is that of an undisturbed search of `space`."""
    burn_tune.run("rank", "--study", study, "--out", f"rank-{study}")
    found, expected = (burn_tune.folder / folder / "leaderboard.json" for folder in [f"rank-{study}", space])
    checks.holds("the leaderboard is that of an undisturbed search", found.read_bytes() == expected.read_bytes())
    trials = burn_tune.json("trials", "--study", study)
    checks.equal("every trial is there once", [trial["number"] for trial in trials], list(range(len(trials))))


def metrics(log: str) -> str:
    address = log.split("shows counts at ")[1].split()[0]
    with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
        return answer.read().decode()


def names(burn_tune: BurnTune) -> set[str]:
    return {study["name"] for study in burn_tune.json("studies")}


def ended(burn_tune: BurnTune, name: str) -> int:
    try:
        studies = [study for study in burn_tune.json("studies") if study["name"] == name]
    except (RuntimeError, subprocess.TimeoutExpired):
        return 0  # The server is down.
    return sum(study["complete"] + study["failed"] for study in studies)


def wait_until(holds: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"within {PATIENCE_S} s it has not come to pass that {what()}")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
