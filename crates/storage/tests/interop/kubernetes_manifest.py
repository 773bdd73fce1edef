"""`search --engine kubernetes --print`: what it prints is a Job by the schemas that Kubernetes publishes, in which no
field is unknown. Needs the package `kubernetes-validate` of PyPI, which has the schemas; it asks no cluster.

    cargo build -p burn-tune-cli --features burn-tune-cli/postgres,burn-tune-cli/http
    python crates/storage/tests/interop/kubernetes_manifest.py --burn-tune target/debug/burn-tune
"""

import argparse
import copy
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import kubernetes_validate
import yaml

from harness import Checks

# Since the first of them, what counts the failures of each worker is there without being switched on.
RELEASES = ["1.31", "1.33", kubernetes_validate.latest_version()]
SEARCH = ["search", "--space", "space.toml", "--study", "Night 2", "--engine", "kubernetes", "--workers", "32"]
SPACE = '[study]\nname = "night"\n[objective]\ncommand = "echo {a}"\n[space]\na = { low = 0.0, high = 1.0 }\n'
URL = "postgresql://me:secret@db.cluster/tune"
Change = Callable[[dict[str, Any]], Any]
# What a slip in the program could do to it: each must be seen.
BROKEN: dict[str, Change] = {
    "an unknown field": lambda job: job["spec"].update(completionsMode="Indexed"),
    "an unknown field of the container": lambda job: container(job).update(argz=[]),
    "a number as a text": lambda job: job["spec"].update(completions="32"),
    "a text as a number": lambda job: container(job)["args"].append(8),
    "a list as a map": lambda job: job["spec"]["podFailurePolicy"].update(rules={}),
    "a rule without an action": lambda job: job["spec"]["podFailurePolicy"]["rules"][0].pop("action"),
    "a secret without a key": lambda job: container(job)["env"][0]["valueFrom"]["secretKeyRef"].pop("key"),
    "no template": lambda job: job["spec"].pop("template"),
}


def container(job: dict[str, Any]) -> dict[str, Any]:
    return job["spec"]["template"]["spec"]["containers"][0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burn-tune", type=pathlib.Path, required=True)
    args = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "space.toml").write_text(SPACE)
        os.environ.pop("BURN_TUNE_STORAGE", None)
        check(checks, args.burn_tune.resolve(), pathlib.Path(folder))
    return checks.end()


def check(checks: Checks, program: pathlib.Path, folder: pathlib.Path) -> None:
    def run(*more: str, code: int = 0, **variables: str) -> str:
        environment = {**os.environ, **variables}
        done = subprocess.run(
            [str(program), *SEARCH, *more], cwd=folder, env=environment, text=True, capture_output=True, timeout=60
        )
        if done.returncode != code:
            raise RuntimeError(f"it ended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}")
        return done.stdout if code == 0 else done.stderr

    with checks.section("what is printed is a Job"):
        manifests = {
            "without anything more": run("--print"),
            "with a database": run("--print", BURN_TUNE_STORAGE=URL),
            "with a server of a file": run("--print", "--storage", "https://login1:8740"),
            "with graphics cards and an image": run("--print", "--worker-gpus", "2", "--image", "example.org/me/tune:1"),
            "with awkward arguments": run("--print", "--worker-arg=--metrics=9100", "--worker-arg=a: b # c"),
        }
        for what, text in manifests.items():
            for release in RELEASES:
                checks.equal(f"{what}, Kubernetes {release}", problem(yaml.safe_load(text), release), None)
            checks.holds(f"{what}, no address is in it", "secret@" not in text and "login1" not in text, text)
        awkward = container(yaml.safe_load(manifests["with awkward arguments"]))["args"]
        checks.holds("arguments are as they were written", "a: b # c" in awkward, awkward)
        checks.equal("nothing was made", sorted(path.name for path in folder.iterdir()), ["space.toml"])
    with checks.section("one that was broken on purpose is not"):
        whole = yaml.safe_load(manifests["with a database"])
        for what, change in BROKEN.items():
            broken = copy.deepcopy(whole)
            change(broken)
            checks.holds(what, problem(broken, RELEASES[-1]) is not None)
    with checks.section("what is refused"):
        refused = run(code=2)
        checks.holds("to start it by itself, which nobody has tried", "--print" in refused, refused)
        half = run("--print", "--worker-gpus", "0.5", code=2)
        checks.holds("a part of a graphics card", "whole graphics cards" in half, half)


def problem(job: dict[str, Any], release: str) -> str | None:
    try:
        kubernetes_validate.validate(job, release, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return None


if __name__ == "__main__":
    sys.exit(main())
