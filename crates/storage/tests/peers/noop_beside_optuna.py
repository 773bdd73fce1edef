"""What a trial costs besides its training, in burn-tune and in Optuna, in turns on the same machine.

    python noop_beside_optuna.py [--rounds 5] [--trials 10000] [--optuna-trials 300] [--postgres]

It builds the benchmark `noop_trials` first. In each round, each storage is used by the one and then by the other, with a new database each. Printed
are, for each storage, the medians over the rounds of milliseconds a trial (on the clock, and of the
processors; what PostgreSQL's server takes is on the clock alone), how many times as long a trial of the
last tenth takes as one of the first (by the processors), and how many times as fast burn-tune is (on the
clock): the median, least and most over the rounds. Optuna has fewer trials where it writes, because it
takes so much longer; what is compared is the rate. `sqlite, both WAL` has Optuna use a write-ahead log, as
burn-tune does.

`--postgres` starts a PostgreSQL of its own, as careful about the disk as it comes, in a folder that is
removed in the end. The databases are made in `--folder`: one in memory would cost neither of the two what
a disk costs.

Needs optuna, and psycopg and PostgreSQL's programs for PostgreSQL.
"""
import argparse
import contextlib
import glob
import json
import os
import pathlib
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
USER = "burntune"


def built_benchmark():
    """Where cargo has put the benchmark, after it has built it; the name has a number that cargo chooses."""
    package = ["--package", "burn-tune-storage", "--features", "postgres"]
    command = ["cargo", "bench", "--profile", "dev", *package, "--bench", "noop_trials", "--no-run"]
    command += ["--message-format", "json-render-diagnostics"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=HERE).stdout.splitlines()
    messages = map(json.loads, lines)
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "noop_trials")


@contextlib.contextmanager
def postgres_server(folder):
    """A server in `folder`; answers a function that makes a database and answers its address."""
    import psycopg

    initdb = shutil.which("initdb") or sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))[-1]
    programs = pathlib.Path(initdb).parent
    home = pathlib.Path(tempfile.mkdtemp(dir=folder))
    # PostgreSQL refuses to run as root.
    other = {}
    if os.getuid() == 0:
        other = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(home, "postgres", "postgres")
        os.chmod(folder, 0o711)
    password = secrets.token_hex()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(program, *arguments):
        command = [programs / program, "-D", home / "data", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=home, **other)

    (home / "password").write_text(password)
    os.chmod(home / "password", 0o644)
    auth = ["--auth", "scram-sha-256", "--pwfile", home / "password"]
    run("initdb", "-U", USER, *auth, "--encoding", "UTF8")
    (home / "password").unlink()
    settings = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories="
    run("pg_ctl", "start", "--wait", "--log", home / "log", "--options", settings)

    def address(database):
        return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{database}"

    def new_database(name):
        with psycopg.connect(address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return address(name)

    try:
        yield new_database
    finally:
        run("pg_ctl", "stop", "--mode", "immediate")
        shutil.rmtree(home)


def measured(command, trials, storage):
    command = [*command, "--trials", str(trials), "--storage", storage]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(answer)


def growth(run):
    """How many times as long the last tenth of the trials took as the first."""
    tenth = max(len(run["window_cpu_us"]) // 10, 1)
    return sum(run["window_cpu_us"][-tenth:]) / sum(run["window_cpu_us"][:tenth])


def row(label, ours, theirs):
    def of(runs):
        per_trial = [[run[key] / 1e3 for run in runs] for key in ("us_per_trial", "cpu_us_per_trial")]
        wall, cpu = map(statistics.median, per_trial)
        return f"{wall:10.3f} {cpu:8.3f} {statistics.median(map(growth, runs)):5.2f}"

    ratios = [b["us_per_trial"] / a["us_per_trial"] for a, b in zip(ours, theirs)]
    ratio = f"{statistics.median(ratios):7.1f} ({min(ratios):.1f}–{max(ratios):.1f})"
    return f"{label:18} {of(ours)} {of(theirs)} {ratio}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--optuna-trials", type=int, default=300)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--folder", help="for the databases; else the system's for temporary files")
    arguments = parser.parse_args()
    ours = [built_benchmark()]
    theirs = [sys.executable, str(HERE / "optuna_noop.py")]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=arguments.folder))

        def file(name):
            return f"{folder}/{name}.db"

        kinds = [
            ("memory", lambda name: "memory", []),
            ("sqlite", file, []),
            ("sqlite, both WAL", file, ["--wal"]),
        ]
        if arguments.postgres:
            kinds.append(("postgresql", stack.enter_context(postgres_server(folder)), []))
        runs = {label: ([], []) for label, _, _ in kinds}
        for number in range(arguments.rounds):
            for kind, (label, new, options) in enumerate(kinds):
                name = f"ours_{kind}_{number}"
                runs[label][0].append(measured(ours, arguments.trials, new(name)))
                name = f"theirs_{kind}_{number}"
                # In memory Optuna is fast enough for as many.
                trials = arguments.trials if label == "memory" else arguments.optuna_trials
                runs[label][1].append(measured([*theirs, *options], trials, new(name)))
                print(f"round {number + 1}: {label} done", file=sys.stderr)
    print(
        f"{arguments.rounds} rounds of {arguments.trials} trials, "
        f"{arguments.optuna_trials} of Optuna's where it writes; ms a trial"
    )
    columns = f"{'cpu':>8} {'grows':>5}"
    print(f"{'':18} {'burn-tune':>10} {columns} {'Optuna':>10} {columns}   faster")
    for label, (ours, theirs) in runs.items():
        print(row(label, ours, theirs))


if __name__ == "__main__":
    main()
