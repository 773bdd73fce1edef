"""A PostgreSQL of the checks' own: Debian's package `postgresql`, in a temporary folder."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile


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

    def crash(self) -> None:
        """Stops without a shutdown, as in a power cut, and starts again."""
        self.control("restart", "-m", "immediate")

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.control("stop", "-m", "immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
