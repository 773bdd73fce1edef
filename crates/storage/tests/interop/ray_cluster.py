"""A Ray of the checks' own, from PyPI (`ray[default]`): a head on 127.0.0.2 and a node on 127.0.0.3, which ask for a
token.

GCS and raylets bind all interfaces, so it has to be started in a network namespace of its own, which `isolated` makes.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from typing import Any

from slurm import command_of, processes_with

TOKEN = "a-token-of-the-checks-" + "0123456789abcdef" * 2
ADDRESS = "http://127.0.0.2:8265"
CPUS = 4
# By its number; each node needs ports of its own, since some of its parts bind all addresses.
NODES = {1: "127.0.0.2", 2: "127.0.0.3"}
NODE_VARIABLE = "BURN_TUNE_CHECKS_NODE"
ISOLATED = "BURN_TUNE_CHECKS_ISOLATED"


def isolated() -> None:
    """Begins this program again in a network namespace that has nothing but its own loopback."""
    if ISOLATED in os.environ:
        return
    os.environ[ISOLATED] = "1"
    inside = 'ip link set lo up && exec "$@"'
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", inside, "sh", sys.executable, "-B", *sys.argv])


class Ray:
    """A cluster, until the end of a `with`."""

    def __init__(self, programs: pathlib.Path) -> None:
        self.program = programs / "ray"
        if not self.program.exists():
            sys.exit(f"no Ray here: {programs}/pip install 'ray[default]'")
        # The paths of its sockets must be short.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ray-"))
        self.environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": TOKEN,
            "RAY_USAGE_STATS_ENABLED": "0",
            # On a machine that does much else.
            "RAY_raylet_start_wait_time_s": "180",
        }
        self.nodes: dict[int, "subprocess.Popen[bytes]"] = {}
        since = time.monotonic()
        try:
            self.start(1)
            self.start(2)
        except BaseException:
            self.end()
            raise
        print(f"Ray is up after {time.monotonic() - since:.1f} s")

    def start(self, number: int) -> None:
        """Starts a node, and waits until the cluster has it."""
        address = NODES[number]
        head = ["--head", "--port=6379", f"--dashboard-host={address}", "--dashboard-port=8265"]
        ports = [f"--dashboard-agent-listen-port={52_360 + number}", f"--dashboard-agent-grpc-port={52_370 + number}"]
        ports += [f"--metrics-export-port={52_380 + number}", f"--runtime-env-agent-port={52_390 + number}"]
        where = [*head, f"--temp-dir={self.folder}"] if number == 1 else [f"--address={NODES[1]}:6379"]
        command = [self.program, "start", "--block", *where, *ports, f"--node-ip-address={address}"]
        command += [f"--num-cpus={CPUS}", "--num-gpus=0", "--object-store-memory=80000000"]
        log = (self.folder / f"start-{number}.log").open("ab")
        environment = {**self.environment, NODE_VARIABLE: f"{self.folder.name}-{number}"}
        self.nodes[number] = subprocess.Popen(
            list(map(str, command)), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        deadline = time.monotonic() + 180
        while not self.has(address):
            if time.monotonic() > deadline or self.nodes[number].poll() is not None:
                sys.exit(f"node {number} does not come up:\n{(self.folder / f'start-{number}.log').read_text()}")
            time.sleep(0.3)

    def has(self, address: str) -> bool:
        """Whether a node is alive and takes jobs."""
        try:
            nodes = self.ask("/api/v0/nodes?detail=true")["data"]["result"]["result"]
        except (OSError, KeyError, TypeError, ValueError):
            return False
        return any(node["node_ip"] == address and node["state"] == "ALIVE" for node in nodes)

    def ask(self, path: str) -> Any:
        request = urllib.request.Request(ADDRESS + path, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def jobs(self, study: str) -> list[dict[str, Any]]:
        """The jobs that are workers of this study, in the order of their names."""
        jobs = [job for job in self.ask("/api/jobs/") if (job.get("metadata") or {}).get("study") == study]
        return sorted(jobs, key=lambda job: job["submission_id"])

    def states(self, study: str) -> list[str]:
        return [job["status"] for job in self.jobs(study)]

    def processes(self, number: int) -> list[int]:
        """All that a node has started."""
        return processes_with(f"{NODE_VARIABLE}={self.folder.name}-{number}")

    def kill_node(self, number: int, only: str = "") -> None:
        """Ends a node as a power cut would; or only the process with this name, whose others may go on for a while."""
        for pid in self.processes(number):
            if only and not command_of(pid).split("\0")[0].endswith(only):
                continue
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def dashboard(self) -> int:
        """The process that answers requests."""
        found = [pid for pid in self.processes(1) if "dashboard/dashboard.py" in command_of(pid)]
        return found[0]

    def end(self) -> None:
        for number in NODES:
            self.kill_node(number)
        for node in self.nodes.values():
            node.kill()
            node.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "Ray":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
