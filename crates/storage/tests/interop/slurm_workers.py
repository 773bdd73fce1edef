"""Workers that Slurm places, by the command of the book: they start before the study is there, a node dies, and the
leaderboard is that of an undisturbed search, to the byte.

Starts a PostgreSQL and a Slurm of its own on 127.0.0.1 (Debian's packages `postgresql slurmctld slurmd slurm-client
munge`), in folders that it removes. The program has to be built with the feature `postgres`:

    cargo build -p burn-tune-cli --features burn-tune-cli/postgres
    python crates/storage/tests/interop/slurm_workers.py --burn-tune target/debug/burn-tune
"""

import argparse
import pathlib
import re
import shlex
import sys
import tempfile
import time

from harness import PATIENCE_S, BurnTune, Checks
from many_workers import COMMAND, ended, same, search_of, wait_until
from server import Server
from slurm import Slurm

TRIALS = 60
BOOK = pathlib.Path(__file__).resolve().parents[4] / "book/src/many-machines.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burn-tune", type=pathlib.Path, required=True)
    args = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder, Server() as server, Slurm() as slurm:
        check(checks, BurnTune(args.burn_tune, server.url, pathlib.Path(folder)), slurm)
    return checks.end()


def check(checks: Checks, burn_tune: BurnTune, slurm: Slurm) -> None:
    burn_tune.write_space("command", COMMAND)
    burn_tune.on(str(burn_tune.folder / "alone.db")).search("command", TRIALS, "--jobs", 8)
    with checks.section("an array of workers, one of whose nodes dies"):
        submitted = slurm.run(*recipe(burn_tune), BURN_TUNE_STORAGE=burn_tune.database)
        checks.holds("the job is taken", submitted.startswith("Submitted batch job"), submitted)
        watch = burn_tune.start(*search_of("command", TRIALS), "--study", "night", "--watch")
        wait_until(lambda: ended(burn_tune, "night") >= 10, lambda: f"trials end:\n{logs(slurm)}")
        hosts = slurm.run("squeue", "-h", "-t", "running", "-o", "%N").split()
        checks.equal("every node has a worker", sorted(hosts), ["n1", "n2", "n3", "n4"])
        slurm.kill_node("n3")
        since = time.monotonic()
        said = watch.communicate(timeout=PATIENCE_S)[0]
        checks.holds("the search that only watches ends well", watch.returncode == 0, said)
        checks.holds("it has seen how many are at work", "processes are at work" in said, said)
        print(f"          {time.monotonic() - since:.1f} s after the node died")
        same(checks, burn_tune, "night", "command")
        left = "the study is complete"
        wait_until(lambda: logs(slurm).count(left) == 3, lambda: f"three workers end with the study:\n{logs(slurm)}")


def recipe(burn_tune: BurnTune) -> list[str]:
    """The command of the book, for this program and four nodes, with a command as the objective."""
    found = re.search(r"^sbatch .*$", BOOK.read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f"{BOOK} has no command for Slurm")
    words = shlex.split(found[0])
    smaller = {"--array=0-31": "--array=0-3", "--cpus-per-task=8": "--cpus-per-task=2"}
    words = [smaller.get(word, word) for word in words]
    place = words.index("--wrap") + 1
    worker = words[place].replace("burn-tune", str(burn_tune.program)).replace("--jobs 8", "--jobs 2")
    words[place] = f"cd {burn_tune.folder} && {worker} --allow-command --lease 5s"
    return words


def logs(slurm: Slurm) -> str:
    """What all workers have said."""
    return "\n".join(path.read_text() for path in slurm.folder.glob("slurm-*.out"))


if __name__ == "__main__":
    sys.exit(main())
