"""Opens studies of ours in optuna-dashboard, in a browser, and checks that it shows them.

    python dashboard.py --burn-tune target/debug/burn-tune --folder /tmp/work [--screenshots DIR]

In the folder, which is empty or yet to be made, searches of ours write a database: one with learning curves
and sick models, one with a failed trial, one with refits. The list of studies, and of two of them the pages of
plots, the table of trials and the pages of some trials are held against `leaderboard.json`. The console must stay
empty, and no request may fail. With `--screenshots`, there are pictures to look at.

Needs Debian's `chromium`, or another one that the variable CHROMIUM names, and PyPI's `optuna`,
`optuna-dashboard` and `playwright` (without its own browsers).
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from playwright.sync_api import ConsoleMessage, Page, Request, Response, sync_playwright

from harness import BurnTune, Checks
from spaces import SPACES

ROOT = pathlib.Path(__file__).resolve().parents[4]
CHROMIUM = shutil.which(os.environ.get("CHROMIUM", "chromium"))
ARGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
]
# Not UTC: the dashboard shows the server's local time as the browser's.
TIME_ZONE = "Asia/Kolkata"
WAIT_S = 60

# What each plot has drawn: points or bars, lines, and lines of parallel coordinates.
DRAWN = """() => Object.fromEntries([...document.querySelectorAll('.js-plotly-plot')].map((plot) => [plot.id, {
    points: plot.querySelectorAll('.point').length,
    lines: plot.querySelectorAll('.js-line').length,
    rows: plot.querySelector('canvas') ? plot._fullData[0].line.color.length : 0,
}]))"""
# The first line of each cell: headers also say how they are sorted.
TABLE = """() => [...document.querySelectorAll('table tr')].map(
    (row) => [...row.cells].map((cell) => cell.innerText.split('\\n')[0]))"""
WIDTH = "document.documentElement.scrollWidth"
HIGHEST_ROW = "Math.max(...[...document.querySelectorAll('table tr')].map((row) => row.clientHeight))"


class Dashboard:
    """A browser at the dashboard's pages."""

    def __init__(self, checks: Checks, page: Page, url: str, screenshots: pathlib.Path | None) -> None:
        self.checks = checks
        self.page = page
        self.url = url
        self.screenshots = screenshots
        self.complaints: list[str] = []
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("requestfailed", self.request_failed)
        page.on("response", self.response)

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text}")

    def request_failed(self, request: Request) -> None:
        # Whoever leaves a page breaks off what it still asks for.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.failure}: {request.url}")

    def response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    def follow(self, path: str, text: str) -> None:
        """Follows a link of the page that is open, and waits until the next one has a text."""
        self.page.locator(f'a[href="/dashboard{path}"]').first.click()
        self.wait_for(text)

    def wait_for(self, text: str) -> None:
        self.page.get_by_text(text, exact=True).first.wait_for(timeout=WAIT_S * 1000)

    def shoot(self, name: str) -> None:
        if self.screenshots:
            self.page.screenshot(path=self.screenshots / f"dashboard-{name}.png", full_page=True)

    def shows(self, what: str, *texts: str) -> None:
        body = self.page.inner_text("body")
        missing = [text for text in texts if text not in body]
        self.checks.holds(what, not missing, f"all but {missing}")

    def plots(self, what: str, expected: dict[str, dict[str, int]]) -> None:
        """Waits until all plots are drawn, with all of their points."""
        patience = time.monotonic() + WAIT_S
        while (drawn := self.page.evaluate(DRAWN)) != expected and time.monotonic() < patience:
            self.page.wait_for_timeout(100)
        self.checks.equal(what, drawn, expected)

    def study(self, id_: int, study: optuna.Study, leaderboard: dict[str, Any]) -> None:
        """All pages of a study."""
        name, trials = study.study_name, study.trials
        complete = sum(trial.state == TrialState.COMPLETE for trial in trials)
        folds = sum(len(trial.intermediate_values) for trial in trials)
        params = len(leaderboard["space"])
        # What the contours are of at first; there are none where one of the two is the same in all trials.
        first_two = sorted(leaderboard["space"])[:2]
        with_folds = sum(bool(trial.intermediate_values) for trial in trials)

        def drawn(points: int = 0, lines: int = 0, rows: int = 0) -> dict[str, int]:
            return {"points": points, "lines": lines, "rows": rows}

        self.page.goto(self.url)
        self.follow(f"/studies/{id_}", f"Best Trial (number={study.best_trial.number})")
        self.plots(f"{name}: history, importances, timeline and folds are plotted", {
            "plot-history": drawn(complete, 1),
            "graph-hyperparameter-importances": drawn(params),
            "graph-timeline": drawn(len(trials)),
            "graph-intermediate-values": drawn(folds, 2 * with_folds),
        })
        self.shows(f"{name}: its best value and its attributes", str(study.best_value), "burn_tune", "space")
        self.shoot(f"{name}-study")

        self.follow(f"/studies/{id_}/analytics", "Hyperparameter Relationships")
        self.plots(f"{name}: slice, contour, rank and distribution are plotted", {
            "plot-slice": drawn(complete),
            "graph-contour": drawn(complete if varying(trials, first_two) else 0),
            "graph-rank": drawn(complete),
            "plot-edf-0": drawn(0, 1),
        })
        self.shoot(f"{name}-analytics")

        self.follow(f"/studies/{id_}/smartSelection", "Download CSV File")
        self.plots(f"{name}: parallel coordinates and history are plotted", {
            "plot-parallel-coordinate": drawn(rows=complete),
            "plot-history": drawn(complete, 1),
        })
        self.table(name, leaderboard)
        self.shoot(f"{name}-table")

    def table(self, name: str, leaderboard: dict[str, Any]) -> None:
        """The table of trials has our params, values and attributes."""
        header, *rows = self.page.evaluate(TABLE)
        found = {int(row[0]): dict(zip(header, row)) for row in rows}
        expected = {}
        for entry in sorted(leaderboard["trials"], key=lambda entry: entry["trial"]):
            value = entry["mean_test_score"]
            attributes = {f"UserAttribute {key}": entry[key] for key in ["name", "error"] if key in entry}
            params = {f"Param {key}": str(value) for key, value in entry["params"].items()}
            state = {"complete": "Complete", "failed": "Fail"}[entry["state"]]
            result = {"State": state, "Value": "" if value is None else str(value)}
            expected[entry["trial"]] = {**result, **params, **attributes}
        found = {number: {key: row.get(key) for key in expected.get(number, {})} for number, row in found.items()}
        self.checks.equal(f"{name}: the table has each trial's params, value, name and error", found, expected)
        print(f"          the table's rows are up to {self.page.evaluate(HIGHEST_ROW)} px high")

    def trial(self, id_: int, study: optuna.Study, number: int) -> None:
        """The page of one trial."""
        trial = study.trials[number]
        assert trial.datetime_start and trial.datetime_complete
        self.follow(f"/studies/{id_}/trials", "User Attributes")
        self.page.get_by_text(f"Trial {number}", exact=True).first.click()
        self.wait_for(f"Trial {number} (trial_id={trial._trial_id})")
        scores = [f"{fold} {score}" for fold, score in trial.intermediate_values.items()]
        params = [f"{key} {value}" for key, value in trial.params.items()]
        texts = [f"{key} {value}" for key, value in trial.user_attrs.items() if isinstance(value, str)]
        moments = [trial.datetime_start, trial.datetime_complete]
        times = [moment.strftime("%a %b %d %Y %H:%M:%S GMT+0530") for moment in moments]
        self.shows(f"{study.study_name}: trial {number} with its folds, params, times and attributes",
                   *scores, *params, *texts, *trial.user_attrs, *times)
        print(f"          the page is {self.page.evaluate(WIDTH)} px wide")
        self.shoot(f"{study.study_name}-trial")


def varying(trials: list[FrozenTrial], params: list[str]) -> bool:
    """Whether each of these parameters has more than one value in the complete trials."""
    complete = [trial.params for trial in trials if trial.state == TrialState.COMPLETE]
    return all(len({values[param] for values in complete}) > 1 for param in params)


@contextlib.contextmanager
def served(database: str, folder: pathlib.Path) -> Iterator[str]:
    """The dashboard's address while it runs; it is stopped afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = pathlib.Path(sys.executable).with_name("optuna-dashboard")
    log = (folder / "dashboard.log").open("w")
    server = subprocess.Popen([program, database, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log)
    try:
        patience = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > patience:
                    said = (folder / "dashboard.log").read_text()
                    raise RuntimeError(f"the dashboard does not start: {said}") from None
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/dashboard"
    finally:
        server.terminate()
        server.wait()
        log.close()


def our_studies(ours: BurnTune) -> dict[str, dict[str, Any]]:
    """The leaderboard of each study, after its search."""
    smoke = (ROOT / "search-spaces" / "smoke.toml").read_text()
    ours.write_space("smoke", smoke)
    leaderboards = {"smoke": ours.search("smoke", 8, "--limit", 6000, "--curves")}
    for name in ["lists", "steps"]:
        ours.write_space(name, SPACES[name].toml)
        leaderboards[name] = ours.search(name, SPACES[name].trials, "--limit", 600)
    return leaderboards


def check(checks: Checks, ours: BurnTune, screenshots: pathlib.Path | None) -> None:
    leaderboards = our_studies(ours)
    studies = {name: optuna.load_study(study_name=name, storage=ours.database) for name in leaderboards}
    with served(ours.database, ours.folder) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = browser.new_page(viewport={"width": 1500, "height": 1000}, timezone_id=TIME_ZONE, locale="en-GB")
        dashboard = Dashboard(checks, page, url, screenshots)
        with checks.section("the list of studies"):
            page.goto(url)
            dashboard.wait_for("1. smoke")
            dashboard.shows("it has our studies", "1. smoke", "2. lists", "3. steps", "Direction: MAXIMIZE")
            dashboard.shoot("list")
        # Numbered in the order of their making; of the third, the list is enough.
        for id_, name in enumerate(["smoke", "lists"], start=1):
            with checks.section(f"the study {name}"):
                dashboard.study(id_, studies[name], leaderboards[name])
                best = studies[name].best_trial.number
                failed = [trial.number for trial in studies[name].trials if trial.state == TrialState.FAIL]
                for number in [best, *failed]:
                    dashboard.trial(id_, studies[name], number)
        checks.equal("nothing on the console, and no request failed", dashboard.complaints, [])
        browser.close()
    log = (ours.folder / "dashboard.log").read_text()
    checks.holds("the dashboard's server has no error", "Traceback" not in log and " 500 " not in log, log)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--burn-tune", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    os.environ["TZ"] = TIME_ZONE
    time.tzset()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    checks = Checks()
    ours = BurnTune(arguments.burn_tune, f"sqlite:///{folder / 'dashboard.db'}", folder)
    with checks.section("optuna-dashboard"):
        check(checks, ours, arguments.screenshots)
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
