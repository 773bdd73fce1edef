"""A PostgreSQL of the checks' own: Debian's package `postgresql`, in a temporary folder."""

import errno
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile


class SmallDisk:
    """A file system of few bytes, for root alone, until the end of a `with`."""

    def __init__(self, folder: pathlib.Path, megabytes: int, owner: str = "root") -> None:
        self.folder = folder
        self.folder.mkdir(exist_ok=True)
        size = f"size={megabytes}m,mode=777"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "small", str(self.folder)], check=True)
        shutil.chown(self.folder, owner)

    def fill(self) -> None:
        """Takes all that is left."""
        with open(self.folder / "filler", "ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        (self.folder / "filler").unlink()

    def __enter__(self) -> "SmallDisk":
        return self

    def __exit__(self, *_: object) -> None:
        # Whoever still has a file open there does not keep it from going.
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


class Server:
    """A PostgreSQL on a free port of 127.0.0.1, with an empty database, until the end of a `with`."""

    def __init__(self) -> None:
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        initdb = shutil.which("initdb")
        if not found and not initdb:
            sys.exit("no PostgreSQL here: apt-get install postgresql")
        self.programs = found[-1] if found else pathlib.Path(initdb or "").parent
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="burn-tune-postgres-"))
        # PostgreSQL refuses to run as root.
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.call("initdb", "-D", self.folder / "data", "-U", "burntune", "-A", "trust", "--no-sync")
        self.control("start")
        self.call("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "burntune", "tune")
        self.url = f"postgresql://burntune@127.0.0.1:{self.port}/tune"

    def call(self, program: str, *args: object) -> None:
        command = [*self.user, str(self.programs / program), *map(str, args)]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL)

    def control(self, *what: str) -> None:
        options = f"-k {self.folder} -h 127.0.0.1 -p {self.port}"
        self.call("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log", "-o", options, *what)

    def log(self) -> str:
        """What the server has said."""
        return (self.folder / "log").read_text()

    def sql(self, statement: str) -> None:
        self.call("psql", "-X", "-q", "-h", "127.0.0.1", "-p", self.port, "-U", "burntune", "-c", statement, "tune")

    def crash(self) -> None:
        """Stops without a shutdown, as in a power cut, and starts again."""
        self.control("restart", "-m", "immediate")

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.control("stop", "-m", "immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
