"""Checks that Optuna and burn-tune work on the same studies, each as on its own.

    python optuna_reads.py --burn-tune target/debug/burn-tune --database sqlite:////tmp/w/studies.db --folder /tmp/w

The database is one without studies, or yet to be made: SQLite, or PostgreSQL (`postgresql+psycopg://…`, for
which burn-tune is built with its feature `postgres`). The folder gets space files and results. Needs PyPI's
optuna and plotly; with pandas, data frames are looked at, too. What is checked:

a. Searches of ours over every kind of domain: Optuna finds every trial as our leaderboard has it.
b. Optuna's figures, importances and data frames can be made of them.
c. Optuna goes on with our studies: with an enqueued, a failed, a pruned and a usual trial.
d. We see those as Optuna does, go on after them, and rank them.
e. We go on with studies that Optuna began, in a database that Optuna made, too; and refuse what does not fit.
   Of several objectives, our Pareto front is Optuna's, and Optuna draws it. Pruned trials are pruned there.
f. Both work on one study at once.
g. Optuna sees a search that runs, and takes over from one that died; it copies our studies, and we theirs.
h. It deletes studies of ours, and nothing of them stays behind.

Each check prints a line; the exit code is 1 where one failed.
"""

import argparse
import contextlib
import datetime
import importlib.util
import json
import logging
import os
import pathlib
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from harness import PATIENCE_S, BurnTune, Checks
from server import Server
from spaces import SLOW, SPACES

# So few that a trial takes some milliseconds.
LIMIT = ("--limit", 600)
WORKER = "burn_tune:worker"
# What not every trial of ours has.
OPTIONAL = ["name", "error", "std_test_score"]
# Not UTC, in summer nor in winter: Optuna stores UTC and shows local times.
TIME_ZONE = "Asia/Kolkata"
# The clocks of a database, of Python and of the kernel's coarse time do not agree to the millisecond.
SLACK = datetime.timedelta(seconds=2)


# Of several objectives: of models that differ in accuracy and in size.
FRONT = """
[space]
lr          = [0.003, 0.01, 0.03]
batch_size  = 50
hidden_size = [4, 16, 64]
depth       = [0, 1]
epochs      = 1
"""


# With a sampler that learns, a pruner, and a parameter that exists only sometimes.
PRUNED = """
[study]
sampler = "tpe"
pruner = "asha"
window = 2
top = 0
[space]
lr = { low = 1e-4, high = 1.0, log = true }
epochs = 4
depth = [0, 1]
hidden_size = { values = [8, 16], when = { depth = 1 } }
"""


def folds(attributes: dict[str, Any]) -> list[float | None]:
    """The scores of the folds, to the first that has failed: one behind it may have been under way, or not."""
    scores = [attributes[f"fold{f}"].get("score") for f in range(3) if f"fold{f}" in attributes]
    return scores[: scores.index(None) + 1] if None in scores else scores


class Interop:
    """The checks, on one database."""

    def __init__(self, checks: Checks, burn_tune: BurnTune) -> None:
        self.checks = checks
        self.ours = burn_tune
        self.url = burn_tune.database
        self.leaderboards: dict[str, dict[str, Any]] = {}
        self.loaded: set[str] = set()
        self.began = datetime.datetime.now()

    def load(self, name: str, url: str | None = None) -> optuna.Study:
        """Loads a study afresh, as a new program would; Optuna must have nothing to complain of."""
        with complaints() as said:
            study = optuna.load_study(study_name=name, storage=url or self.url)
            study.trials  # noqa: B018, they are read here.
        if said or name not in self.loaded:
            self.checks.equal(f"{name}: Optuna loads it without a warning", said, [])
            self.loaded.add(name)
        return study

    # a

    def our_searches(self) -> None:
        for name, space in SPACES.items():
            self.ours.write_space(name, space.toml)
            curves = ["--curves"] if name == "plain" else []
            self.leaderboards[name] = self.ours.search(name, space.trials, *LIMIT, *curves)
        storage = RDBStorage(self.url)
        self.checks.equal("the tables are of Optuna's newest version",
                          storage.get_current_version(), storage.get_head_version())
        self.checks.equal("Optuna lists our studies", sorted(optuna.get_all_study_names(self.url)), sorted(SPACES))

    def our_study(self, name: str) -> None:
        """Everything that Optuna finds in a study of ours, against its leaderboard."""
        space, leaderboard = SPACES[name], self.leaderboards[name]
        entries = {entry["trial"]: entry for entry in leaderboard["trials"]}
        refits = {entry["trial"]: entry["refit"] for entry in leaderboard["top"]}
        study = self.load(name)
        trials = study.trials

        def equal(what: str, found: Callable[[FrozenTrial], Any], expected: Callable[[dict[str, Any]], Any]) -> None:
            found_by_number = {trial.number: found(trial) for trial in trials}
            expected_by_number = {number: expected(entry) for number, entry in sorted(entries.items())}
            self.checks.equal(f"{name}: {what}", found_by_number, expected_by_number)

        self.checks.equal(f"{name}: trials are numbered from 0", numbers(trials), list(range(space.trials)))
        equal("states", lambda t: t.state.name, lambda e: {"complete": "COMPLETE", "failed": "FAIL"}[e["state"]])
        equal("params, with their types", lambda t: t.params, lambda e: e["params"])
        equal("params come in the space's order", lambda t: list(t.params), lambda _: list(leaderboard["space"]))
        equal("distributions", lambda t: t.distributions, lambda _: space.distributions)
        equal("values", lambda t: t.value, lambda e: e["mean_test_score"])
        equal("intermediate values are the folds' scores", lambda t: dict(sorted(t.intermediate_values.items())),
              lambda e: {fold: s for fold, s in enumerate(e["split_test_scores"]) if s is not None})
        attributes = ["name", "flags", "error", "std_test_score"]
        equal("user attributes", lambda t: {key: kept(t)[key] for key in attributes if key in kept(t)},
              lambda e: {key: e[key] for key in attributes if e.get(key) not in (None, [])})
        equal("folds", lambda t: folds(kept(t)),
              lambda e: [*(s for s in e["split_test_scores"] if s is not None), *([None] if "error" in e else [])])
        equal("refits", lambda t: [kept(t)[f"refit{s}"]["score"] for s in range(3) if f"refit{s}" in kept(t)],
              lambda e: refits.get(e["trial"], {"test_scores": []})["test_scores"])
        equal("the worker", lambda t: isinstance(t.system_attrs.get(WORKER), str), lambda _: True)
        self.times(name, trials)
        direction = StudyDirection.MAXIMIZE if leaderboard["direction"] == "maximize" else StudyDirection.MINIMIZE
        self.checks.equal(f"{name}: direction", study.direction, direction)
        self.checks.equal(f"{name}: the best trial is that of rank 1", entries[study.best_trial.number]["rank"], 1)
        told = {key: study.user_attrs.get(key) for key in ["space", "budgets", "finished"]}
        self.checks.equal(f"{name}: user attributes of the study", told,
                          {"space": leaderboard["space"], "budgets": [space.trials], "finished": space.trials})

    def times(self, name: str, trials: list[FrozenTrial]) -> None:
        """Trials began one after the other, and ended within the run: as local time, so what is stored is UTC."""
        earliest, latest = self.began - SLACK, datetime.datetime.now() + SLACK
        wrong = {}
        for trial in trials:
            start, end = trial.datetime_start, trial.datetime_complete
            if start is None or end is None or not earliest <= start <= end <= latest:
                wrong[trial.number] = (earliest, start, end, latest)
            earliest = start or earliest
        self.checks.holds(f"{name}: times are in order and within the run", not wrong, wrong)

    # b

    def figures(self, name: str) -> None:
        """Every figure of Optuna that a study with one objective can have."""
        study = self.load(name)
        # Figures of several objectives, and one that needs PyTorch.
        others = {"plot_pareto_front", "plot_hypervolume_history", "plot_terminator_improvement"}
        names = {plot for plot in optuna.visualization.__all__ if plot.startswith("plot_")} - others
        with silence():
            figures = {plot: getattr(optuna.visualization, plot)(study).data for plot in sorted(names)}
            importances = optuna.importance.get_param_importances(study)
        empty = [plot for plot, traces in figures.items() if not any(points(trace) for trace in traces)]
        self.checks.equal(f"{name}: each of {len(names)} figures has points", empty, [])
        history = figures["plot_optimization_history"][0]
        values = complete(study.trials)
        self.checks.equal(f"{name}: the history has each complete trial",
                          dict(zip(map(int, history.x), map(float, history.y))), values)
        self.checks.equal(f"{name}: there is a line of folds for each complete trial",
                          len(figures["plot_intermediate_values"]), len(values))
        self.checks.equal(f"{name}: each parameter has an importance",
                          sorted(importances), sorted(SPACES[name].distributions))
        total = sum(importances.values())
        self.checks.holds(f"{name}: the importances sum up to 1", abs(total - 1) < 1e-9, importances)
        if importlib.util.find_spec("pandas"):
            frame = study.trials_dataframe()
            # Where the objective has a name, it is `value_NAME`.
            column = next(column for column in frame if column.startswith("value"))
            self.checks.equal(f"{name}: the data frame has each complete trial",
                              {int(n): float(v) for n, v in zip(frame.number, frame[column]) if v == v}, values)
        else:
            print("  left out: the data frame, for want of pandas")

    # c

    def optuna_goes_on(self, name: str) -> list[FrozenTrial]:
        """Four trials of Optuna's, with our params: an enqueued one, the best; a failed; a pruned; a usual one."""
        study = self.load(name)
        study.sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=1)
        before = study.trials
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        first = len(before)
        best = {param: before[0].params[param] for param in ["lr", "epochs"]}
        study.enqueue_trial(best, user_attrs={"by": "hand"})

        def objective(trial: optuna.Trial) -> float:
            suggest_all(trial, SPACES[name].distributions)
            trial.report(0.5, step=0)
            if trial.number == first + 1:
                raise ValueError("on purpose")
            if trial.number == first + 2:
                raise optuna.TrialPruned
            return sign * 2.0 if trial.number == first else 0.5

        with silence():
            study.optimize(objective, n_trials=4, catch=ValueError)
        after = self.load(name).trials
        self.checks.equal(f"{name}: Optuna's four trials follow ours", [t.state.name for t in after[first:]],
                          ["COMPLETE", "FAIL", "PRUNED", "COMPLETE"])
        self.checks.equal(f"{name}: ours stay as they were", after[:first], before)
        enqueued = {param: value for param, value in after[first].params.items() if param in best}
        self.checks.equal(f"{name}: the enqueued params", enqueued, best)
        self.checks.equal(f"{name}: Optuna's trial is the best", study.best_trial.number, first)
        return after

    # d

    def we_go_on(self, name: str, before: list[FrozenTrial]) -> None:
        """Two trials of ours after Optuna's four."""
        self.shown(name, before)
        leaderboard = self.ours.search(name, len(before) + 2, "--resume", "--study", name)
        after = self.load(name).trials
        news = after[len(before) :]
        self.checks.equal(f"{name}: what was there is as it was", after[: len(before)], before)
        self.checks.equal(f"{name}: two trials of ours follow", [WORKER in trial.system_attrs for trial in news], [True, True])
        self.checks.equal(f"{name}: their distributions", [trial.distributions for trial in news],
                          [SPACES[name].distributions] * 2)
        self.ranked(name, after, leaderboard)
        ranks = {entry["trial"]: entry["rank"] for entry in leaderboard["trials"]}
        self.checks.equal(f"{name}: Optuna's best trial is the leaderboard's, too", ranks.get(SPACES[name].trials), 1)
        self.shown(name, after)

    def ranked(self, what: str, trials: list[FrozenTrial], leaderboard: dict[str, Any]) -> None:
        """All complete trials are in the leaderboard, with their values."""
        ranked = {e["trial"]: e["mean_test_score"] for e in leaderboard["trials"] if e["state"] == "complete"}
        found = dict(sorted(ranked.items()))
        self.checks.equal(f"{what}: the leaderboard has every complete trial", found, complete(trials))

    def shown(self, name: str, trials: list[FrozenTrial], url: str | None = None) -> None:
        """`trials`, `show` and `best` say what Optuna says."""
        ours = self.ours.on(url)
        expected = [as_printed(trial) for trial in trials]
        printed = [common(entry) for entry in ours.json("trials", "--study", name)]
        self.checks.equal(f"{name}: `trials` prints Optuna's {len(trials)} trials", printed, expected)
        shown = [ours.json("show", trial.number, "--study", name) for trial in trials]
        self.checks.equal(f"{name}: `show` prints each of them", [common(entry) for entry in shown], expected)
        self.checks.equal(f"{name}: `show` prints their distributions",
                          [{param: optuna.distributions.json_to_distribution(json.dumps(written))
                            for param, written in entry["distributions"].items()} for entry in shown],
                          [trial.distributions for trial in trials])
        self.checks.equal(f"{name}: `show` prints their intermediate values and system attributes",
                          [({int(k): v for k, v in e["intermediate_values"].items()}, e.get("system_attributes", {}))
                           for e in shown],
                          [(dict(sorted(trial.intermediate_values.items())), others(trial)) for trial in trials])
        study = self.load(name, url)
        best = json.loads(ours.run("best", "--params", "--study", name).stdout)
        self.checks.equal(f"{name}: `best` prints the best trial's params", best, study.best_params)

    def listed(self) -> None:
        """`studies` says what Optuna says of all studies."""
        expected = {}
        for name in optuna.get_all_study_names(self.url):
            study = self.load(name)
            states = [trial.state.name for trial in study.trials]
            one = len(study.directions) == 1
            expected[name] = {
                "directions": [direction.name.lower() for direction in study.directions],
                "complete": states.count("COMPLETE"),
                "failed": states.count("FAIL"),
                "pruned": states.count("PRUNED"),
                "running": states.count("RUNNING"),
                "waiting": states.count("WAITING"),
                "best_value": study.best_value if one and "COMPLETE" in states else None,
            }
        printed = {entry["name"]: {key: entry.get(key) for key in expected.get(entry["name"], entry)}
                   for entry in self.ours.json("studies")}
        self.checks.equal(f"`studies` prints Optuna's {len(expected)} studies", printed, expected)

    # e

    def optunas_study(self, url: str, name: str) -> None:
        """Optuna begins a study, and we go on with it."""
        ours = self.ours.on(url)
        sampler = optuna.samplers.RandomSampler(seed=3)
        study = optuna.create_study(study_name=name, storage=url, direction="maximize", sampler=sampler)

        def objective(trial: optuna.Trial) -> float:
            suggest_all(trial, SPACES["plain"].distributions)
            trial.set_user_attr("note", {"made": "by Optuna"})
            return trial.number / 10

        study.optimize(objective, n_trials=5)
        before = self.load(name, url).trials
        self.shown(name, before, url)
        ours.write_space("other", SPACES["plain"].toml.replace('"tanh"', '"gelu"'))
        self.refused(ours, name, "other", "activation")
        ours.write_space("other", SPACES["plain"].toml.replace("top = 2", 'top = 2\ndirection = "minimize"'))
        self.refused(ours, name, "other", "MAXIMIZE")
        self.checks.equal(f"{name}: a refusal writes nothing", self.load(name, url).user_attrs, {})
        leaderboard = ours.search("plain", 8, "--study", name, *LIMIT, out=name)
        after = self.load(name, url).trials
        self.checks.equal(f"{name}: Optuna's trials stay as they were", after[:5], before)
        news = [(trial.state.name, WORKER in trial.system_attrs) for trial in after[5:]]
        self.checks.equal(f"{name}: three of ours follow", news, [("COMPLETE", True)] * 3)
        self.ranked(name, after, leaderboard)
        self.shown(name, after, url)

    def two_objectives(self) -> None:
        """A study that we can show, but not go on with."""
        study = optuna.create_study(study_name="two", storage=self.url, directions=["maximize", "minimize"])
        study.optimize(lambda trial: (trial.suggest_float("lr", 0.001, 0.1), 1.0), n_trials=2)
        self.refused(self.ours, "two", "plain", "MINIMIZE")
        values = [entry["values"] for entry in self.ours.json("trials", "--study", "two")]
        self.checks.equal("two: `trials` prints both values", values, [trial.values for trial in study.trials])

    def our_front(self) -> None:
        """A study of ours with several objectives, one of them a clock's, against its leaderboard."""
        name, wanted = "front", ["accuracy", "parameters", "seconds_per_epoch"]
        objectives = "".join(f'[[objective]]\nname = "{objective}"\n' for objective in wanted)
        self.ours.write_space(name, f"[study]\ntop = 2\nrefit_seeds = 1\n{objectives}{FRONT}")
        timed = self.ours.search(name, 8, *LIMIT)
        study = self.load(name)
        self.checks.equal("front: directions", [direction.name for direction in study.directions],
                          ["MAXIMIZE", "MINIMIZE", "MINIMIZE"])
        self.checks.equal("front: names", study.metric_names, wanted)
        entries = {entry["trial"]: entry for entry in timed["trials"]}
        self.checks.equal("front: values", {trial.number: trial.values[:2] for trial in study.trials},
                          {n: [entries[n]["values"][one] for one in wanted[:2]] for n in sorted(entries)})
        self.checks.holds("front: times are above 0", all(trial.values[2] > 0 for trial in study.trials))
        best = [entry["number"] for entry in self.ours.json("best", "--study", name)]
        self.checks.equal("front: `best` is Optuna's `best_trials`", best, numbers(study.best_trials))

        # Without the clock, the front is that of the leaderboard, too.
        name, wanted = "front-2", wanted[:2]
        objectives = "".join(f'[[objective]]\nname = "{objective}"\n' for objective in wanted)
        self.ours.write_space(name, f"[study]\nname = 'front'\ntop = 2\nrefit_seeds = 1\n{objectives}{FRONT}")
        leaderboard = self.ours.search(name, 8, "--study", name, *LIMIT)
        self.checks.equal("front: a clock changes no leaderboard", leaderboard, timed)
        study = self.load(name)
        ours = sorted(entry["trial"] for entry in leaderboard["trials"] if entry["front"])
        self.checks.equal("front: the leaderboard's is Optuna's `best_trials`", ours, numbers(study.best_trials))
        with silence():
            figures = [optuna.visualization.plot_pareto_front(study), optuna.visualization.plot_pareto_front(
                self.load("front"), targets=lambda trial: trial.values[:2], target_names=wanted)]
        self.checks.equal("front: Optuna draws each trial", [sum(points(trace) for trace in figure.data)
                                                           for figure in figures], [8, 8])
        self.checks.equal("front: with the names of its axes", figures[0].layout.xaxis.title.text, "accuracy")

        # And it goes on, after Optuna.
        study.sampler = optuna.samplers.NSGAIISampler(seed=1)
        choices = study.trials[0].distributions
        study.optimize(lambda trial: (suggest_all(trial, choices), (0.99, 1.0))[1], n_trials=1)
        leaderboard = self.ours.search(name, 10, "--resume", "--study", name)
        first = leaderboard["trials"][0]
        self.checks.equal("front: Optuna's trial that beats all is the front",
                          [first["trial"], first["rank"], first["values"], leaderboard["trials"][1]["rank"]],
                          [8, 1, {"accuracy": 0.99, "parameters": 1.0}, 2])
        self.checks.equal("front: and Optuna finds ours behind it", len(self.load(name).trials), 10)

    def our_pruned_trials(self) -> None:
        """A study of ours that a sampler proposes and a pruner prunes, against its leaderboard."""
        name = "pruned"
        self.ours.write_space(name, PRUNED)
        leaderboard = self.ours.search(name, 14, *LIMIT)
        study = self.load(name)
        entries = {entry["trial"]: entry for entry in leaderboard["trials"]}
        states = {trial.number: trial.state.name.lower() for trial in study.trials}
        self.checks.equal("pruned: states", states, {n: entries[n]["state"] for n in sorted(entries)})
        self.checks.holds("pruned: there are some, and not all", 0 < leaderboard["counts"]["pruned"] < 14, states)
        self.checks.equal("pruned: what each trial reported, by epoch",
                          {trial.number: list(trial.intermediate_values.items()) for trial in study.trials},
                          {n: [(report["step"], report["score"]) for report in entries[n]["reports"]]
                           for n in sorted(entries)})
        pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
        self.checks.equal("pruned: the value is the last one reported", [trial.value for trial in pruned],
                          [entries[trial.number]["pruned_at"]["score"] for trial in pruned])
        self.checks.equal("pruned: what does not exist is no parameter of a trial",
                          {trial.number: trial.params for trial in study.trials},
                          {n: entries[n]["params"] for n in sorted(entries)})

    def refused(self, ours: BurnTune, study: str, space: str, word: str) -> None:
        """The search is refused with a message that names the study, and what does not fit."""
        done = ours.run("search", "--space", f"{space}.toml", "--study", study, "--trials", 9, *LIMIT, code=2)
        said = done.stdout + done.stderr
        self.checks.holds(f"{study}: what does not fit is refused, with a word of `{word}`",
                          word in said and study in said, said)

    # f

    def both_at_once(self) -> None:
        """Optuna and two processes of ours work on one study."""
        name, total = "at-once", 40
        distributions = SPACES["plain"].distributions
        self.ours.write_space(name, SPACES["plain"].toml)
        self.ours.search(name, 1, "--study", name, *LIMIT)
        told: list[int] = []
        failures: list[BaseException] = []

        def objective(trial: optuna.Trial) -> float:
            suggest_all(trial, distributions)
            told.append(trial.number)
            return 0.1

        def optimize() -> None:
            try:
                optuna.load_study(study_name=name, storage=self.url).optimize(objective, n_trials=12)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=optimize)
        thread.start()
        search = ["search", "--space", f"{name}.toml", "--study", name, "--resume", "--trials", total, "--jobs", 1]
        processes = [self.ours.start(*search, "--out", f"{name}-{number}") for number in range(2)]
        said = [process.communicate(timeout=PATIENCE_S)[0] for process in processes]
        thread.join()
        trials = self.load(name).trials
        self.checks.equal("Optuna has nothing to complain of", failures, [])
        self.checks.equal("nor have we", [process.returncode for process in processes], [0, 0])
        locked = [text for text in [*said, *map(str, failures)] if "locked" in text or "deadlock" in text]
        self.checks.equal("nobody finds the database locked", locked, [])
        self.checks.equal("trials are numbered without gaps", numbers(trials), list(range(len(trials))))
        self.checks.equal("all are complete", {trial.state.name for trial in trials}, {"COMPLETE"})
        self.checks.equal("Optuna's are all there", [t.number for t in trials if WORKER not in t.system_attrs], told)
        workers = {trial.system_attrs[WORKER] for trial in trials if WORKER in trial.system_attrs}
        # One process began the study; of the two that went on with it, one may have come too late.
        self.checks.holds(f"{len(trials)} trials were shared by Optuna and ours",
                          len(workers) >= 2 and len(told) == 12 and len(trials) >= total, (workers, told, len(trials)))

    # g

    def copied(self) -> None:
        """A copy that Optuna makes of a study of ours is a study of ours; one that we make is Optuna's, too."""
        optuna.copy_study(from_study_name="plain", from_storage=self.url, to_storage=self.url, to_study_name="copy")
        trials = self.load("plain").user_attrs["budgets"][-1] + 1
        theirs = self.ours.search("plain", trials, "--resume", "--study", "copy", out="copy")
        ours = self.ours.search("plain", trials, "--resume", "--study", "plain")
        self.checks.equal("a copy goes on as the study that it is of", theirs, ours)
        moved = f"sqlite:///{self.ours.folder.resolve() / 'moved.db'}"
        for name in ["plain", "two"]:
            self.ours.run("export", "--study", name, "--to", f"{name}.jsonl")
            self.ours.on(moved).run("import", f"{name}.jsonl")
            was, is_ = self.load(name), self.load(name, moved)
            self.checks.equal(f"{name}: exported and imported, it has the same trials",
                              [without_id(trial) for trial in is_.trials], [without_id(trial) for trial in was.trials])
            self.checks.equal(f"{name}: and the same attributes", attributes(is_), attributes(was))

    def seen_while_it_runs(self) -> None:
        """Optuna looks at a study while we work on it. Then our process is killed."""
        self.ours.write_space("running", SLOW)
        search = ["search", "--space", "running.toml", "--study", "running", "--trials", 3, "--jobs", 1]
        process = self.ours.start(*search, "--limit", 6000, "--out", "running")
        try:
            running = self.running_trial("running", process)
        finally:
            process.kill()
            process.communicate()
        self.checks.equal("Optuna sees a trial of which a fold has ended",
                          running and (running.number, list(running.intermediate_values)), (0, [0]))
        self.checks.equal("its lease outlives its worker", self.rows("burn_tune_leases", "running"), 1)
        optuna.copy_study(from_study_name="running", from_storage=self.url, to_storage=self.url, to_study_name="told")

    def running_trial(self, name: str, process: "subprocess.Popen[str]") -> FrozenTrial | None:
        """A trial that runs and has the score of a fold already."""
        storage = RDBStorage(self.url)
        patience = time.monotonic() + PATIENCE_S
        while time.monotonic() < patience and process.poll() is None:
            if name in optuna.get_all_study_names(storage):
                for trial in optuna.load_study(study_name=name, storage=storage).trials:
                    if trial.state == TrialState.RUNNING and trial.intermediate_values:
                        return trial
            time.sleep(0.02)
        return None

    def told(self) -> None:
        """Somebody tells Optuna the value of a trial that we have left: then it has that value."""
        optuna.load_study(study_name="told", storage=self.url).tell(0, 0.5)
        leaderboard = self.ours.search("running", 3, "--resume", "--study", "told", out="told")
        trials = self.load("told").trials
        self.checks.equal("a trial that was told is complete", complete(trials).get(0), 0.5)
        self.ranked("told", trials, leaderboard)
        self.checks.equal("the study is finished", self.load("told").user_attrs.get("finished"), 3)

    def retried(self) -> None:
        """Optuna fails the trial whose worker is dead, and tries it again: that one is not ours."""
        with silence():
            storage = RDBStorage(self.url, heartbeat_interval=1, grace_period=1,
                                 heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=1))
            study = optuna.load_study(study_name="running", storage=storage)

            def objective(trial: optuna.Trial) -> float:
                suggest_all(trial, trial.distributions)
                # A process of ours goes on with the study meanwhile.
                self.ours.search("running", 3, "--resume", "--study", "running")
                return 0.75

            time.sleep(1.5)
            study.optimize(objective, n_trials=1)
        leaderboard = self.ours.search("running", 4, "--resume", "--study", "running")
        trials = self.load("running").trials
        found = [(trial.state.name, trial.system_attrs.get("failed_trial")) for trial in trials]
        self.checks.equal("Optuna retries the trial, and we go on after it", found,
                          [("FAIL", None), ("COMPLETE", 0), ("COMPLETE", None), ("COMPLETE", None)])
        self.ranked("running", trials, leaderboard)

    # h

    def deleted(self) -> None:
        """Studies of ours that Optuna deletes are gone, with the rows that only we know of."""
        # As a worker leaves it behind that dies.
        self.execute("INSERT INTO burn_tune_leases (trial_id, task, worker, expires, lost) "
                     "SELECT trial_id, 'refit0', 'nobody', 0, 0 FROM trials WHERE number = 0")
        for table in ["burn_tune_curves", "burn_tune_leases"]:
            self.checks.holds(f"plain has rows in {table} before", self.rows(table, "plain") > 0)
        for name in ["plain", "running", "two"]:
            optuna.delete_study(study_name=name, storage=self.url)
        for table in ["burn_tune_curves", "burn_tune_leases"]:
            self.checks.equal(f"{table} has no row without a trial", self.rows(table, None), 0)
        printed = sorted(entry["name"] for entry in self.ours.json("studies"))
        self.checks.equal("`studies` has the others", printed, sorted(optuna.get_all_study_names(self.url)))
        if self.url.startswith("sqlite"):
            found = [self.execute(f"PRAGMA {pragma}") for pragma in ["integrity_check", "foreign_key_check"]]
            self.checks.equal("the file is sound", found, [[("ok",)], []])

    def rows(self, table: str, study: str | None) -> int:
        """How many rows of a table of ours belong to a study; or to no trial."""
        trials = "SELECT trial_id FROM trials"
        if study:
            trials += " WHERE study_id = (SELECT study_id FROM studies WHERE study_name = :study)"
        sql = f"SELECT count(*) FROM {table} WHERE trial_id {'' if study else 'NOT '}IN ({trials})"
        return self.execute(sql, {"study": study} if study else {})[0][0]

    def execute(self, sql: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Executes a statement behind the backs of both, and returns its rows."""
        with sqlalchemy.create_engine(self.url).begin() as connection:
            result = connection.execute(sqlalchemy.text(sql), values or {})
            return [tuple(row) for row in result] if result.returns_rows else []


def kept(trial: FrozenTrial) -> dict[str, Any]:
    """What is kept beside a trial."""
    ours = {key.removeprefix("burn_tune:"): value for key, value in trial.system_attrs.items()}
    return {**ours, **trial.user_attrs}


def others(trial: FrozenTrial) -> dict[str, Any]:
    """The system attributes that are not burn-tune's own, which `show` prints as what they say."""
    return {key: value for key, value in trial.system_attrs.items() if not key.startswith("burn_tune:")}


def numbers(trials: list[FrozenTrial]) -> list[int]:
    return [trial.number for trial in trials]


def complete(trials: list[FrozenTrial]) -> dict[int, float | None]:
    """The values of those trials that have one."""
    return {trial.number: trial.value for trial in trials if trial.state == TrialState.COMPLETE}


def attributes(study: optuna.Study) -> list[Any]:
    """All that Optuna knows of a study but its name, its key and its trials."""
    system = study._storage.get_study_system_attrs(study._study_id)
    return [study.directions, study.user_attrs, system]


def without_id(trial: FrozenTrial) -> dict[str, Any]:
    """All that Optuna knows of a trial but its key in the database."""
    return {key: value for key, value in vars(trial).items() if key != "_trial_id"}


def as_printed(trial: FrozenTrial) -> dict[str, Any]:
    """What `trials` is to print of a trial."""
    ours = WORKER in trial.system_attrs
    tasks = [told for key, told in kept(trial).items() if ours and key.startswith(("fold", "refit"))]
    told = {key: trial.user_attrs[key] for key in OPTIONAL if ours and key in trial.user_attrs}
    return {
        "number": trial.number,
        "state": {"FAIL": "failed"}.get(trial.state.name, trial.state.name.lower()),
        "value": trial.value,
        "params": trial.params,
        "datetime_start": trial.datetime_start,
        "datetime_complete": trial.datetime_complete,
        "user_attributes": {} if ours else trial.user_attrs,
        "flags": kinds(flag for task in tasks for flag in task["flags"]),
        **told,
    }


def common(printed: dict[str, Any]) -> dict[str, Any]:
    """What [`as_printed`] has, of a trial that was printed as JSON."""
    return {
        **{key: printed.get(key) for key in ["number", "state", "value", "params"]},
        **{key: local(printed.get(key)) for key in ["datetime_start", "datetime_complete"]},
        "user_attributes": printed.get("user_attributes", {}),
        "flags": kinds(printed.get("flags", [])),
        **{key: printed[key] for key in OPTIONAL if key in printed},
    }


def kinds(flags: Iterable[str]) -> list[str]:
    """What is wrong, without the classes that it is about."""
    return sorted({flag.split(":")[0] for flag in flags})


def local(utc: str | None) -> datetime.datetime | None:
    """The moment that the database calls so, as Optuna shows it."""
    if utc is None:
        return None
    return datetime.datetime.fromisoformat(utc).replace(tzinfo=datetime.UTC).astimezone().replace(tzinfo=None)


def suggest_all(trial: optuna.Trial, distributions: dict[str, BaseDistribution]) -> None:
    """Suggests parameters in the ways that give them these distributions."""
    for name, distribution in distributions.items():
        match distribution:
            case FloatDistribution(low=low, high=high, step=step, log=log):
                trial.suggest_float(name, low, high, step=step, log=log)
            case IntDistribution(low=low, high=high, step=step, log=log):
                trial.suggest_int(name, low, high, step=step, log=log)
            case CategoricalDistribution(choices=choices):
                trial.suggest_categorical(name, choices)


def points(trace: Any) -> int:
    """How many points a trace of a figure has."""
    values = [trace[key] for key in ["x", "y", "dimensions"] if key in trace and trace[key] is not None]
    return max((len(value) for value in values), default=0)


def made_by_optuna(url: str, folder: pathlib.Path) -> str:
    """The address of a second database, which Optuna is to make: a file, or on the same server."""
    if url.startswith("sqlite"):
        return f"sqlite:///{folder.resolve() / 'optunas.db'}"
    address = sqlalchemy.make_url(url)
    second = f"{address.database}_optuna"
    with sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{second}"')
    return address.set(database=second).render_as_string(hide_password=False)


@contextmanager
def complaints() -> Iterator[list[str]]:
    """What Optuna warns of, by a warning or in its log."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("optuna")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            # Connections of studies that were loaded before, of which Python disposes meanwhile.
            warnings.simplefilter("ignore", ResourceWarning)
            yield said
        said += [str(warning.message) for warning in caught]
    finally:
        logger.removeHandler(handler)


@contextmanager
def silence() -> Iterator[None]:
    """Optuna says nothing of what is done on purpose."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


def run(interop: Interop, folder: pathlib.Path) -> None:
    checks = interop.checks
    with checks.section("a. our searches, as Optuna finds them"):
        interop.our_searches()
        for name in SPACES:
            interop.our_study(name)
    with checks.section("b. Optuna's figures"):
        for name in ["plain", "lists"]:
            interop.figures(name)
    after = {}
    with checks.section("c. Optuna goes on with our studies"):
        for name in SPACES:
            after[name] = interop.optuna_goes_on(name)
    with checks.section("d. and we after it"):
        for name, trials in after.items():
            interop.we_go_on(name, trials)
    with checks.section("e. a study that Optuna began"):
        interop.optunas_study(interop.ours.database, "begun")
        interop.two_objectives()
    with checks.section("e. several objectives"):
        interop.our_front()
        interop.our_pruned_trials()
    with checks.section("e. a study that Optuna began, in a database that it made"):
        interop.optunas_study(made_by_optuna(interop.ours.database, folder), "begun-elsewhere")
    with checks.section("f. both at once"):
        interop.both_at_once()
    with checks.section("g. copied"):
        interop.copied()
    with checks.section("g. running, and killed"):
        interop.seen_while_it_runs()
    with checks.section("g. a trial that was left, and told"):
        interop.told()
    with checks.section("g. a trial that was left, and retried"):
        interop.retried()
    with checks.section("all studies"):
        interop.listed()
    with checks.section("h. deleted"):
        interop.deleted()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--burn-tune", type=pathlib.Path, required=True)
    parser.add_argument("--database", required=True, help="an address, or `postgres` for a server of its own")
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    os.environ["TZ"] = TIME_ZONE
    time.tzset()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    checks = Checks()
    with contextlib.ExitStack() as stack:
        database = arguments.database
        if database == "postgres":
            server = stack.enter_context(Server())
            database = server.url.replace("postgresql://", "postgresql+psycopg://")
        run(Interop(checks, BurnTune(arguments.burn_tune, database, arguments.folder)), arguments.folder)
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
