"""A search and workers on a file that `burn-tune serve` has, and all that can happen to them and to the server.

The server is killed in the middle of a search, and asked to end in the middle of another; of the workers, one is killed
and one is stopped past its lease. Every leaderboard is compared with that of a
single process that nothing happened to, to the byte. The program has to be built with the feature `http`:

    cargo build -p burn-tune-cli --features burn-tune-cli/http
    python crates/storage/tests/interop/serve.py --burn-tune target/debug/burn-tune
"""

import argparse
import http.cookiejar
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import PATIENCE_S, BurnTune, Checks
from many_workers import COMMAND, LEASE, TRIALS, Worker, ended, names, same, search_of, wait_until


class Serve:
    """A server of a file, on a port that stays the same."""

    def __init__(self, burn_tune: BurnTune, *args: object) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.burn_tune = burn_tune
        self.args = args
        self.log = burn_tune.folder / f"server-{self.port}.log"
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        command = self.burn_tune.command("serve", "--listen", f"127.0.0.1:{self.port}", *self.args)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.burn_tune.folder, stdout=log, stderr=log)
        wait_until(self.answers, self.log.read_text)
        return self.process

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the server has ended: {self.log.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> tuple[int, float]:
        """Its exit code, and how long it took."""
        since = time.monotonic()
        self.process.terminate()
        code = self.process.wait(timeout=PATIENCE_S)
        return code, time.monotonic() - since


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burn-tune", type=pathlib.Path, required=True)
    args = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BURN_TUNE_TOKEN_FILE"] = str(pathlib.Path(folder) / "token")
        check(checks, BurnTune(args.burn_tune, str(pathlib.Path(folder) / "served.db"), pathlib.Path(folder)))
    return checks.end()


def check(checks: Checks, file: BurnTune) -> None:
    file.write_space("command", COMMAND)
    file.on(str(file.folder / "alone.db")).search("command", TRIALS, "--jobs", 8)
    server = Serve(file)
    try:
        far = file.on(f"http://127.0.0.1:{server.port}")
        killed(checks, far, server)
        asked_to_end(checks, far, server)
        pages(checks, file, server)
        refusals(checks, file, far, server)
    finally:
        server.kill()
    encrypted(checks, file)


def killed(checks: Checks, far: BurnTune, server: Serve) -> None:
    with checks.section("the server is killed, one worker is killed, and one is stopped past its lease"):
        search = far.start(*search_of("command", TRIALS), "--study", "faults", "--jobs", 1, *LEASE)
        workers = [Worker(far, "faults", "--wait-for-study", "60s", "--jobs", 2) for _ in range(3)]
        for worker in workers:
            worker.wait_for(" begins")
        dead, stopped, other = workers
        stopped.process.send_signal(signal.SIGSTOP)
        dead.process.kill()
        server.kill()
        time.sleep(1)
        server.start()
        wait_until(lambda: ended(far, "faults") >= TRIALS // 2, lambda: "trials end after the restart")
        said = search.communicate(timeout=PATIENCE_S)[0]
        checks.holds("the search ends well", search.returncode == 0, said)
        stopped.process.send_signal(signal.SIGCONT)
        code, said = stopped.end()
        checks.equal("the stopped one ends well", code, 0)
        checks.holds("its late result is refused", "has taken this trial over" in said, said)
        code, said = other.end()
        checks.equal("the undisturbed one ends well", code, 0)
        checks.holds("and notes that the server was away", "connected with the database again" in other.log(), said)
        same(checks, far, "faults", "command")


def asked_to_end(checks: Checks, far: BurnTune, server: Serve) -> None:
    with checks.section("the server is asked to end, and starts again"):
        search = far.start(*search_of("command", TRIALS), "--study", "asked", "--jobs", 2)
        worker = Worker(far, "asked", "--wait-for-study", "60s", "--jobs", 4)
        worker.wait_for(" begins")
        code, took = server.end()
        checks.equal("it ends well", code, 0)
        checks.holds("soon", took < 5, took)
        server.start()
        code, said = worker.end()
        checks.holds("the worker ends well", code == 0, said)
        said = search.communicate(timeout=PATIENCE_S)[0]
        checks.holds("the search ends well", search.returncode == 0, said)
        same(checks, far, "asked", "command")


def pages(checks: Checks, file: BurnTune, server: Serve) -> None:
    with checks.section("what a browser sees"):
        token = (file.folder / "token").read_text().strip()
        address = f"http://127.0.0.1:{server.port}"
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

        def get(path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
            data = urllib.parse.urlencode(form).encode() if form else None
            try:
                with opener.open(address + path, data, timeout=PATIENCE_S) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

        status, page = get("/studies/faults")
        checks.equal("who has not logged in sees no study", (status, "faults" in page), (401, False))
        status, page = get("/login", {"token": "wrong"})
        checks.equal("nor does who has another token", (status, "not the token" in page), (401, True))
        status, page = get("/login", {"token": token})
        checks.equal("who has it sees the list", (status, "/studies/faults" in page), (200, True))
        status, page = get("/studies/faults")
        checks.equal("and a study", (status, "Leaderboard" in page), (200, True))
        checks.equal("none that is not there", get("/studies/none")[0], 404)
        secret = token.split(".")[2]
        logs = "".join(log.read_text() for log in file.folder.glob("*.log"))
        checks.holds("no log and no page has the token", secret not in logs + page)
        listed = subprocess.run(["ps", "-eo", "args"], text=True, capture_output=True, check=True).stdout
        checks.holds("nor has the list of processes", secret not in listed)


def refusals(checks: Checks, file: BurnTune, far: BurnTune, server: Serve) -> None:
    with checks.section("what is refused, with the reason"):
        second = file.run("serve", "--listen", "127.0.0.1:0", code=2).stderr
        checks.holds("a second server of the file", "another server serves" in second, second)
        other = file.on("other.db").run("serve", "--listen", f"127.0.0.1:{server.port}", code=2).stderr
        checks.holds("a port that is taken", "another program listens on port" in other, other)
        token = file.folder / "token"
        line = token.read_text()
        token.write_text(line[:-3] + "AA\n")
        wrong = far.run("studies", code=1).stderr
        checks.holds("another token", "refuses the token" in wrong, wrong)
        token.rename(file.folder / "away")
        missing = far.run("studies", code=2).stderr
        checks.holds("none at all", "there is no token" in missing, missing)
        (file.folder / "away").rename(token)
        token.write_text(line)
        plain = far.on("http://login1:8740").run("studies", code=2).stderr
        checks.holds("what everybody could read", "use https://login1:8740" in plain, plain)
        checks.equal("nothing was lost", names(far), {"asked", "faults"})


def encrypted(checks: Checks, file: BurnTune) -> None:
    with checks.section("encrypted, by the certificate that the token knows"):
        server = Serve(file, "--tls", "on")
        try:
            far = file.on(f"https://127.0.0.1:{server.port}")
            checks.equal("what was served before is there", names(far), {"asked", "faults"})
            search = far.start(*search_of("command", TRIALS), "--study", "tls", "--jobs", 4)
            worker = Worker(far, "tls", "--wait-for-study", "60s", "--jobs", 4)
            code, said = worker.end()
            checks.holds("the worker ends well", code == 0, said)
            said = search.communicate(timeout=PATIENCE_S)[0]
            checks.holds("the search ends well", search.returncode == 0, said)
            same(checks, far, "tls", "command")
        finally:
            server.kill()


if __name__ == "__main__":
    sys.exit(main())
