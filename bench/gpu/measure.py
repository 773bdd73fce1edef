#!/usr/bin/env python3
"""Fused trials on a graphics card beside PyTorch, and whole searches beside the machine's processors.

Everything that it runs is stopped after its bound, five minutes in all; what was measured until then is in the table.
It needs the program and the benchmark `fused`, both built with wgpu, and for PyTorch a Python that has it.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
MOST_TRIALS = 1_000
# Trials that the processors do of the same list: all of them would take half an hour.
SAMPLE = 24
# Bounds in seconds. They add up to less than five minutes.
BOUNDS = {"burn-tune": 60, "baddbmm": 50, "vmap": 40, "search": 80, "processors": 60}
TRAININGS, WIDTHS, BATCHES = (1, 32, 256, 1024), (128, 500), (100, 600)
TINY = {"cases": "1:16:20,4:16:20", "seconds": 0.5, "trials": 4, "sample": 2, "limit": 300}


def run(command, bound, log, env=None):
    """What it printed, how long it took, and how it ended; stopped after `bound` seconds."""
    begin = time.perf_counter()
    with open(log, "w") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=env)
        try:
            output, _ = process.communicate(timeout=bound)
            end = "done" if process.returncode == 0 else f"exit code {process.returncode}, see {log.name}"
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            end = f"stopped after {bound} s"
    return output, time.perf_counter() - begin, end


def lines(output):
    """The lines of JSON of it; the last may be cut off."""
    found = []
    for line in output.splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            pass
    return found


def steps(args, out, cases, seconds):
    """Steps of ours, and of PyTorch's ways where there is one."""
    device = [] if args.device is None else ["--device", str(args.device)]
    commands = {"burn-tune": [args.fused, *device]}
    if args.python:
        torch = [args.python, HERE / "torch_fused.py"] + (["--no-compile"] if args.no_compile else [])
        commands |= {way: [*torch, "--way", way] for way in ("baddbmm", "vmap")}
    measured, ends = [], {}
    for way, command in commands.items():
        command = [*map(str, command), "--cases", cases, "--seconds", str(seconds)]
        output, took, ends[way] = run(command, BOUNDS[way], out / f"{way}.log")
        print(f"{way}: {ends[way]}, {took:.0f} s", flush=True)
        measured += lines(output)
    return measured, ends


def search(args, out, name, backend, trials, limit, bound):
    """A whole search from the start of the process, and how many of its trials were completed."""
    folder = out / name
    command = [args.burn_tune, "search", "--space", HERE / "space.toml", "--trials", trials, "--out", folder, "-q"]
    command += ["--backend", *backend]
    command += [] if limit is None else ["--limit", limit]
    _, took, end = run(list(map(str, command)), bound, out / f"{name}.log")
    done = 0
    try:
        done = json.loads((folder / "leaderboard.json").read_text())["counts"]["complete"]
    except (OSError, KeyError, ValueError):
        pass
    print(f"{name}: {done} trials in {took:.1f} s, {end}", flush=True)
    return {"trials": done, "s": took, "end": end}


def machine(args):
    devices = subprocess.run([args.burn_tune, "devices"], capture_output=True, text=True).stdout
    facts = {"devices": devices.splitlines()[1:], "system": platform.platform()}
    if args.python:
        code = "import torch; print(torch.__version__, torch.cuda.is_available() and torch.cuda.get_device_name())"
        torch = subprocess.run([args.python, "-c", code], capture_output=True, text=True)
        facts["torch"] = torch.stdout.strip() or "none"
        if torch.returncode != 0:
            args.python = None
    return facts


def rates(measured):
    """Trial-epochs a second, by case and way: an epoch is 60,000 examples."""
    table = {}
    for line in measured:
        case = (line["hidden"], line["batch"], line["trainings"])
        rate = line.get("error")
        if "step_s" in line:
            rate = line["trainings"] / line["step_s"] / (60_000 / line["batch"])
        table.setdefault(case, {})[line["way"]] = (rate, line.get("step_s"), line.get("first_steps_s"))
    return table


def report(facts, ends, table, searches):
    ways = ("burn-tune", "baddbmm", "vmap")
    text = ["# Fused trials", "", *facts["devices"], f"PyTorch {facts.get('torch', 'none')}; {facts['system']}", ""]
    text += ["Trial-epochs a second (ms a step); ratio to the better of PyTorch's.", ""]
    text += ["| width | batch | trainings | " + " | ".join(ways) + " | ratio |", "|" + "---|" * 7]
    for case, row in sorted(table.items()):
        rate = lambda way: row.get(way, (None,))[0]
        cells = []
        for way in ways:
            value, step, _ = row.get(way, (None, None, None))
            cells.append(f"{value:.1f} ({step * 1000:.2f})" if isinstance(value, float) else (value or "–"))
        theirs = [rate(way) for way in ways[1:] if isinstance(rate(way), float)]
        ratio = f"{rate(ways[0]) / max(theirs):.2f}" if theirs and isinstance(rate(ways[0]), float) else "–"
        text.append(f"| {case[0]} | {case[1]} | {case[2]} | " + " | ".join(cells) + f" | {ratio} |")
    text += ["", *(f"- {way}: {end}" for way, end in ends.items()), "", "| search | trials | s | trials/s |", "|---|---|---|---|"]
    for name, found in searches.items():
        rate = found["trials"] / found["s"]
        text.append(f"| {name}, {found['end']} | {found['trials']} | {found['s']:.1f} | {rate:.2f} |")
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--burn-tune", required=True, help="the program, built with wgpu")
    parser.add_argument("--fused", required=True, help="the benchmark, built with wgpu")
    parser.add_argument("--python", help="a Python with PyTorch; none: ours alone")
    parser.add_argument("--device", type=int, help="as `burn-tune devices` numbers them")
    parser.add_argument("--no-compile", action="store_true", help="PyTorch's Adam without torch.compile")
    parser.add_argument("--tiny", action="store_true", help="a minute that shows whether it works here at all")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="a folder that is made anew")
    args = parser.parse_args()
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    begin = time.perf_counter()
    facts = machine(args)
    cases = ",".join(f"{t}:{h}:{b}" for t in TRAININGS for h in WIDTHS for b in BATCHES)
    trials, sample, limit, seconds = MOST_TRIALS, SAMPLE, None, 1.5
    if args.tiny:
        cases, seconds, trials, sample, limit = (TINY[key] for key in ("cases", "seconds", "trials", "sample", "limit"))
    measured, ends = steps(args, args.out, cases, seconds)
    device = [] if args.device is None else ["--device", args.device]
    searches = {
        "wgpu": search(args, args.out, "wgpu", ["wgpu", *device], trials, limit, BOUNDS["search"]),
        "processors": search(args, args.out, "processors", ["flex", "--jobs", os.cpu_count()], sample, limit, BOUNDS["processors"]),
    }
    table = rates(measured)
    text = report(facts, ends, table, searches)
    (args.out / "table.md").write_text(text)
    (args.out / "measured.json").write_text(json.dumps({"machine": facts, "steps": measured, "searches": searches}, indent=1))
    print(text + f"\n{time.perf_counter() - begin:.0f} s in all")
    return 0 if "step_s" in json.dumps(measured) else 1


if __name__ == "__main__":
    sys.exit(main())
