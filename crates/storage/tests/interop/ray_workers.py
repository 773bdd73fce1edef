"""`search --engine ray`: workers that a real Ray places on two nodes, and all that can happen to them.

A worker is killed, a node dies, its raylet alone dies, the dashboard stops for a while, the search is interrupted, the
token is wrong or missing. Every leaderboard is compared with that of a single process that nothing happened to, to the
byte. Ray takes 400 MB on the disk and 1 GB of memory, so CI does not run it. It needs root, for a network of its own;
PostgreSQL (Debian's package `postgresql`), and Ray in an environment of Python:

    python -m venv /tmp/ray && /tmp/ray/bin/pip install 'ray[default]'
    cargo build -p burn-tune-cli --features burn-tune-cli/postgres
    python crates/storage/tests/interop/ray_workers.py --burn-tune target/debug/burn-tune --ray /tmp/ray/bin
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from harness import PATIENCE_S, BurnTune, Checks
from many_workers import COMMAND, ended, same, wait_until
from ray_cluster import ADDRESS, TOKEN, Ray, isolated
from server import Server

# So long that Ray finds out that a node is dead, 14 seconds later, before the study is complete.
SPACE = COMMAND.replace("sleep 0.3", "sleep 2")
TRIALS = 80
# Two nodes with four cores have two workers of two trials each; the others wait.
WORKERS = ["--engine", "ray", "--workers", 6, "--jobs", 2, "--lease", "5s"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burn-tune", type=pathlib.Path, required=True)
    parser.add_argument("--ray", type=pathlib.Path, required=True, help="the folder of the program `ray`")
    parser.add_argument("--only", default="", help="parts of the names of the functions to run, with commas")
    args = parser.parse_args()
    isolated()
    os.environ |= {"RAY_AUTH_TOKEN": TOKEN, "RAY_API_SERVER_ADDRESS": ADDRESS}
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder, Server() as server, Ray(args.ray) as ray:
        burn_tune = BurnTune(args.burn_tune, server.url, pathlib.Path(folder))
        burn_tune.write_space("command", SPACE)
        burn_tune.on(str(burn_tune.folder / "alone.db")).search("command", TRIALS, "--jobs", 8)
        sections = [refusals, worker_killed, node_killed, raylet_killed, dashboard_stops, interrupted, worker_refused]
        for section in sections:
            if any(part in section.__name__ for part in args.only.split(",")):
                section(checks, burn_tune, ray)
    return checks.end()


def search_of(study: str, *more: object) -> list[object]:
    search = ["search", "--space", "command.toml", "--trials", TRIALS, "--out", f"out-{study}", "--study", study]
    return [*search, *WORKERS, *more]


def refusals(checks: Checks, burn_tune: BurnTune, _: Ray) -> None:
    with checks.section("what is refused, with the reason, before the study begins"):
        os.environ["RAY_AUTH_TOKEN"] = "another"
        wrong = burn_tune.run(*search_of("refused"), code=1).stderr
        checks.holds("another token", "refuses the token" in wrong and "RAY_AUTH_TOKEN" in wrong, wrong)
        del os.environ["RAY_AUTH_TOKEN"]
        missing = burn_tune.run(*search_of("refused"), code=2).stderr
        checks.holds("none at all", "asks for a token" in missing and ".ray/auth_token" in missing, missing)
        os.environ["RAY_AUTH_TOKEN"] = TOKEN
        absent = burn_tune.run(*search_of("refused", "--ray-address", "http://127.0.0.2:1"), code=1).stderr
        checks.holds("nobody there", "does not answer at http://127.0.0.2:1: " in absent, absent)
        checks.holds("no study was begun", not has(burn_tune, "refused"))


def has(burn_tune: BurnTune, study: str) -> bool:
    try:
        return any(found["name"] == study for found in burn_tune.json("studies"))
    except RuntimeError:
        return False  # There is no table yet.


def begin(burn_tune: BurnTune, ray: Ray, study: str) -> "subprocess.Popen[str]":
    """A search of which some trials have ended, with workers on both nodes."""
    search = burn_tune.start(*search_of(study))

    def is_under_way() -> bool:
        if search.poll() is not None:
            raise RuntimeError(f"it has ended:\n{search.communicate()[0]}")
        return ray.states(study).count("RUNNING") == 4 and ended(burn_tune, study) >= 10

    wait_until(is_under_way, lambda: f"trials end; the jobs are {ray.states(study)}")
    return search


def end_well(checks: Checks, burn_tune: BurnTune, ray: Ray, study: str, search: "subprocess.Popen[str]") -> str:
    said = search.communicate(timeout=PATIENCE_S)[0]
    checks.holds("the search ends well", search.returncode == 0, said)
    same(checks, burn_tune, study, "command")
    # Those that waited for a place get one now, and are stopped.
    wait_until(lambda: all_ended(ray, study), lambda: f"all jobs end: {ray.states(study)}")
    print(f"          its jobs: {' '.join(ray.states(study))}")
    return said


def all_ended(ray: Ray, study: str) -> bool:
    return not {"PENDING", "RUNNING"} & set(ray.states(study))


def worker_killed(checks: Checks, burn_tune: BurnTune, ray: Ray) -> None:
    with checks.section("a worker is killed"):
        search = begin(burn_tune, ray, "killed")
        checks.equal("two of six wait for a place", ray.states("killed").count("PENDING"), 2)
        worker = next(pid for pid in ray.processes(2) if b"worker" in cmdline(pid) and b"--study=killed" in cmdline(pid))
        os.kill(worker, signal.SIGKILL)
        said = end_well(checks, burn_tune, ray, "killed", search)
        checks.holds("it is told, and another is started", "killed by signal 9, another one is started" in said, said)
        jobs = ray.jobs("killed")
        checks.equal("there is one job more", len(jobs), 7)
        checks.holds("none has the token", TOKEN not in str(jobs))


def cmdline(pid: int) -> bytes:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def node_killed(checks: Checks, burn_tune: BurnTune, ray: Ray) -> None:
    with checks.section("a node dies"):
        node_dies(checks, burn_tune, ray, "node", only="")


def raylet_killed(checks: Checks, burn_tune: BurnTune, ray: Ray) -> None:
    with checks.section("the raylet of a node dies, and its workers go on for a while"):
        node_dies(checks, burn_tune, ray, "raylet", only="raylet")


def node_dies(checks: Checks, burn_tune: BurnTune, ray: Ray, study: str, only: str) -> None:
    search = begin(burn_tune, ray, study)
    ray.kill_node(2, only)
    left = [pid for pid in ray.processes(2) if f"--study={study}".encode() in cmdline(pid)]
    print(f"          {len(left)} processes of workers are left of it")
    since = time.monotonic()
    wait_until(lambda: "FAILED" in ray.states(study), lambda: f"Ray sees it: {ray.states(study)}")
    took = time.monotonic() - since
    left = [pid for pid in ray.processes(2) if f"--study={study}".encode() in cmdline(pid)]
    print(f"          Ray has seen it after {took:.1f} s, with {len(left)} of them left")
    ray.kill_node(2)
    ray.nodes.pop(2).wait()
    ray.start(2)
    said = end_well(checks, burn_tune, ray, study, search)
    checks.holds("others take the places of its workers", "another one is started in its place" in said, said)
    checks.equal("which are two", len(ray.jobs(study)), 8)


def dashboard_stops(checks: Checks, burn_tune: BurnTune, ray: Ray) -> None:
    with checks.section("the dashboard stops, and goes on"):
        search = begin(burn_tune, ray, "silent")
        dashboard = ray.dashboard()
        before = ended(burn_tune, "silent")
        os.kill(dashboard, signal.SIGSTOP)
        wait_until(lambda: ended(burn_tune, "silent") >= before + 20, lambda: "trials end meanwhile")
        # Longer than silence that is not worth a word.
        time.sleep(45)
        os.kill(dashboard, signal.SIGCONT)
        end_well(checks, burn_tune, ray, "silent", search)


def interrupted(checks: Checks, burn_tune: BurnTune, ray: Ray) -> None:
    with checks.section("the search is interrupted, and goes on later"):
        search = begin(burn_tune, ray, "interrupted")
        search.send_signal(signal.SIGINT)
        since = time.monotonic()
        said = search.communicate(timeout=PATIENCE_S)[0]
        checks.holds("it says that it was interrupted", search.returncode == 130, said)
        wait_until(lambda: all_ended(ray, "interrupted"), lambda: f"all jobs are stopped: {ray.states('interrupted')}")
        print(f"          {time.monotonic() - since:.1f} s until all were stopped; {ended(burn_tune, 'interrupted')} trials")
        checks.holds("and the study is not complete", ended(burn_tune, "interrupted") < TRIALS, said)
        done = burn_tune.start(*search_of("interrupted", "--resume"))
        end_well(checks, burn_tune, ray, "interrupted", done)


def worker_refused(checks: Checks, burn_tune: BurnTune, ray: Ray) -> None:
    with checks.section("workers that are refused are told once, and not started again"):
        refused = burn_tune.run(*search_of("refused", "--worker-arg=--no-such-option"), code=1).stderr
        checks.equal("each was started once", ray.states("refused"), ["FAILED"] * 6)
        checks.holds("the reason is shown", "--no-such-option" in refused and "exit code 2" in refused, refused)
        checks.equal("once", refused.count("unexpected argument"), 1)
        checks.holds("the search does not wait for nobody", "nobody else works on the study" in refused, refused)


if __name__ == "__main__":
    sys.exit(main())
