"""Runs a command and measures the whole of it: wall time, processor time, and memory of its process tree."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

# Reading the memory of a process tree takes milliseconds of a processor that the searches have, too, and more of
# them the more memory there is: four times a second, it was 4 % of one core. Memory is level for many seconds, so
# once is often enough.
SAMPLE_EVERY_S = 1.0


class CommandFailed(Exception):
    """A command that ended with another exit code than 0."""


@dataclass
class Usage:
    """What a command took, from its start to its exit, with all processes that it started."""

    wall_s: float
    cpu_s: float  # user and system
    peak_bytes: int
    sampling_s: float  # the processor time that it took to look at memory, which is in none of the above


def run(command: list[str], log: Path, environment: dict[str, str]) -> Usage:
    """Runs `command`; what it prints goes into `log`."""
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | environment)
        sampler = TreeSampler(process.pid)
        # Unlike `Popen.wait`, this tells the processor time of the process and of those it waited for.
        try:
            _, status, resources = os.wait4(process.pid, 0)
        except BaseException:
            kill_tree(process.pid)
            raise
        finally:
            sampler.stop()
        wall_s = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise CommandFailed(f"{' '.join(command)}\nended with {process.returncode}; the end of {log}:\n{tail}")
    # Workers that nobody waited for are in the samples alone; the last moments of each are not in the samples.
    cpu_s = max(resources.ru_utime + resources.ru_stime, sampler.cpu_s())
    return Usage(wall_s, cpu_s, sampler.peak_bytes, sampler.sampling_s)


class TreeSampler:
    """Looks at a process and its descendants until it is stopped."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self.sampling_s = 0.0
        self._cpu_s: dict[tuple[int, float], float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(psutil.Process(pid),), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def cpu_s(self) -> float:
        return sum(self._cpu_s.values())

    def _watch(self, root: psutil.Process) -> None:
        while True:
            self._sample(root)
            self.sampling_s = time.thread_time()
            if self._stopped.wait(SAMPLE_EVERY_S):
                return

    def _sample(self, root: psutil.Process) -> None:
        try:
            tree = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        total = 0
        for process in tree:
            try:
                total += memory_bytes(process)
                times = process.cpu_times()
                self._cpu_s[process.pid, process.create_time()] = times.user + times.system
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue  # It has just ended.
        self.peak_bytes = max(self.peak_bytes, total)


def memory_bytes(process: psutil.Process) -> int:
    """The share of a process in the memory that it uses: pages of several processes are divided among them. Where
    the system does not say that, all of its pages."""
    if psutil.LINUX:
        return process.memory_full_info().pss
    return process.memory_info().rss


def kill_tree(pid: int) -> None:
    """After Ctrl-C: ends a process with its descendants."""
    try:
        root = psutil.Process(pid)
        tree = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    for process in tree:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
