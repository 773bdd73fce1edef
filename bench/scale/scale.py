"""How many trials a second many workers begin and end on one PostgreSQL, and how long they wait.

    cargo bench --profile dev -p burn-tune-storage --features postgres --bench noop_trials --no-run
    python bench/scale/scale.py --bench target/debug/deps/noop_trials-… [--workers 1 8 32 128] [--sleep 0]

Starts a PostgreSQL of its own (Debian's package `postgresql`), as it is installed, in a folder that it removes, and has
as many workers at one study as it is told, each with a connection and a history of its own, in threads of one process.
They share the machine with the server. Prints a table in Markdown: the best of the repetitions by its rate, since what
else the machine does only takes time away.
"""

import argparse
import json
import pathlib
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "crates/storage/tests/interop"))
from server import Server  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=pathlib.Path, required=True)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 8, 32, 128])
    parser.add_argument("--trials", type=int, default=10000, help="so many results, for a table without --sleep")
    parser.add_argument("--sleep", type=float, default=0.0, help="how long a trial takes, in seconds")
    parser.add_argument("--spread", type=float, default=0.2, help="and by how much that differs")
    parser.add_argument("--rounds", type=int, default=6, help="with --sleep: how many trials a worker does")
    parser.add_argument("--sampler", default="random")
    parser.add_argument("--window", type=int)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--statements", action="store_true", help="also: which statements take how long")
    args = parser.parse_args()
    print("| workers | trials a second | waiting | client, µs of a core a trial | server, likewise |\n|---|---|---|---|---|")
    for workers in args.workers:
        runs = [measure(args, workers) for _ in range(args.repeat)]
        best = max(runs, key=lambda run: run["trials_per_s"])
        rates = sorted(round(run["trials_per_s"], 1) for run in runs)
        cells = [
            f"{best['trials_per_s']:,.4g} ({rates[0]:,} to {rates[-1]:,})",
            f"{100 * best['wait_share']:.1f} %",
            f"{best['cpu_us_per_trial']:,.0f}",
            f"{best['server_cpu_us_per_trial']:,.0f}",
        ]
        print(f"| {workers} | {' | '.join(cells)} |", flush=True)


def measure(args: argparse.Namespace, workers: int) -> dict[str, float]:
    """A run on a server that is as new."""
    with Server() as server:
        configure(server, args.statements)
        pid = (server.folder / "data/postmaster.pid").read_text().split()[0]
        results = args.rounds * workers if args.sleep else args.trials
        # Some more, so that nobody has come to the end by then.
        trials = results + (2 if args.sleep else 32) * workers
        command = [args.bench.resolve(), "--bench", "--storage", server.url, "--workers", workers, "--trials", trials]
        command += ["--sleep", args.sleep, "--spread", args.spread, "--sampler", args.sampler, "--server-pid", pid]
        command += ["--end-after", results]
        if args.window:
            command += ["--window", args.window]
        done = subprocess.run(list(map(str, command)), check=True, text=True, stdout=subprocess.PIPE)
        run = json.loads(done.stdout)
        print(json.dumps(run), file=sys.stderr)
        stored = int(sql(server, "SELECT COUNT(*) FROM trials WHERE state = 'COMPLETE'"))
        if stored < results:
            sys.exit(f"of {results} results {stored} are in the database")
        if args.statements:
            print_statements(server, results)
        return run


def sql(server: Server, statement: str) -> str:
    command = [str(server.programs / "psql"), "-X", "-A", "-t", "-F", "\t", "-c", statement, server.url]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def configure(server: Server, statements: bool) -> None:
    """As it is installed, but that it allows as many connections as there are workers."""
    sql(server, "ALTER SYSTEM SET max_connections = 300")
    if statements:
        sql(server, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    server.control("restart")
    if statements:
        sql(server, "CREATE EXTENSION pg_stat_statements")


def print_statements(server: Server, trials: int) -> None:
    rows = sql(
        server,
        "SELECT round(calls::numeric / {0}, 2), round((total_exec_time * 1000 / {0})::numeric, 1),"
        " round(rows::numeric / {0}, 1), left(regexp_replace(query, '\\s+', ' ', 'g'), 110)"
        " FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 30".format(trials),
    )
    print("a trial: calls, microseconds, rows\n" + rows, file=sys.stderr)


if __name__ == "__main__":
    main()
