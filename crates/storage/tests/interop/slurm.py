"""A Slurm of the checks' own: Debian's packages `slurmctld slurmd slurm-client munge`, in a temporary folder, with four
virtual nodes of two processors each, all on 127.0.0.1."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CONFIGURATION = """
ClusterName=burntune
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmctldPort={control_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdSpoolDir={folder}/spool/%n
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=20
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
NodeName=n[1-4] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports}] CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
"""
NODES = ["n1", "n2", "n3", "n4"]


class Slurm:
    """A cluster, until the end of a `with`. Needs root, as Slurm does to start jobs of others."""

    def __init__(self) -> None:
        if not shutil.which("slurmctld") or not shutil.which("munged"):
            sys.exit("no Slurm here: apt-get install slurmctld slurmd slurm-client munge")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="burn-tune-slurm-"))
        self.folder.chmod(0o755)
        for name in ["state", "spool", "munge"]:
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "munge", "munge", "munge")
        first = free_ports(len(NODES) + 1)
        conf = CONFIGURATION.format(
            host=socket.gethostname().split(".")[0],
            folder=self.folder,
            control_port=first,
            ports=f"{first + 1}-{first + len(NODES)}",
        )
        (self.folder / "slurm.conf").write_text(conf)
        self.environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}
        self.start_munge()
        self.daemons = {"control": self.daemon("slurmctld", "-D")}
        for node in NODES:
            self.daemons[node] = self.daemon("slurmd", "-D", "-N", node)
        deadline = time.monotonic() + 60
        while self.run("sinfo", "-h", "-t", "idle", "-o", "%D").strip() != str(len(NODES)):
            if time.monotonic() > deadline:
                sys.exit(f"the nodes do not come up:\n{(self.folder / 'slurmctld.log').read_text()}")
            time.sleep(0.2)

    def start_munge(self) -> None:
        folder = self.folder / "munge"
        (folder / "key").write_bytes(os.urandom(128))
        (folder / "key").chmod(0o600)
        shutil.chown(folder / "key", "munge", "munge")
        files = [f"--{name}-file={folder}/{name}" for name in ["key", "pid", "log", "seed"]]
        user = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups"]
        command = [*user, "munged", "--foreground", f"--socket={folder}/socket", *files]
        self.munge = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not (folder / "socket").exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def daemon(self, *command: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder
        )

    def run(self, *command: object, **variables: str) -> str:
        """What a command of Slurm's says."""
        environment = {**self.environment, **variables}
        words = [str(word) for word in command]
        return subprocess.run(words, env=environment, text=True, capture_output=True, timeout=60, cwd=self.folder).stdout

    def kill_node(self, node: str) -> None:
        """Ends a node as a power cut would: its daemon, and all that it has started."""
        daemon = self.daemons.pop(node)
        steps = processes_with(f"SLURMD_NODENAME={node}", f"SLURM_CONF={self.folder}")
        managers = [parent for parent in map(parent_of, steps) if parent and "slurmstepd" in command_of(parent)]
        for pid in [daemon.pid, *managers, *steps]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        daemon.wait()

    def __enter__(self) -> "Slurm":
        return self

    def __exit__(self, *_: object) -> None:
        self.run("scancel", "--user", "root")
        time.sleep(1)
        for daemon in [*self.daemons.values(), self.munge]:
            daemon.kill()
            daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def processes_with(*variables: str) -> list[int]:
    """The processes in whose environment all of these stand."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if all(variable in environment for variable in variables):
            found.append(int(folder.name))
    return found


def parent_of(pid: int) -> int:
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def command_of(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def free_ports(count: int) -> int:
    """The first of so many ports that are free."""
    for first in range(26_800, 32_000, count):
        try:
            sockets = [socket.create_server(("127.0.0.1", first + number)) for number in range(count)]
        except OSError:
            continue
        for listener in sockets:
            listener.close()
        return first
    sys.exit("no ports are free")
