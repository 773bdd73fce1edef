"""The results as text, and as a row of the book's table."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from systems import Run

OURS = "burn-tune"
MIB = 1 << 20


@dataclass
class Pair:
    """A run of a peer, and the run of burn-tune beside it."""

    round: int
    peer: str
    ours: Run
    theirs: Run

    def ratio(self) -> float:
        """How many times as long as ours the peer took."""
        return self.theirs.usage.wall_s / self.ours.usage.wall_s


def text(result: dict[str, Any], pairs: list[Pair], titles: dict[str, str]) -> str:
    return "\n".join([*heading(result), "", *speed_table(pairs, titles), "", *score_table(result["scores"]), ""])


def heading(result: dict[str, Any]) -> list[str]:
    task, machine = result["task"], result["machine"]
    return [
        f"{len(task['configurations'])} configurations of {task['folds']} folds, {task['jobs']} workers, "
        f"whole processes, {task['rounds']} rounds, {result['date']}",
        f"{machine['cpu']}, {machine['instruction_set']}, {machine['cores']} cores",
        versions(machine) + f", Python {machine['python']}, {machine['rustc']}",
    ]


def versions(machine: dict[str, Any]) -> str:
    packages = machine["packages"]
    return (
        f"{machine['burn_tune']} ({machine['commit']}), PyTorch {packages['torch']}, Optuna {packages['optuna']}, "
        f"scikit-learn {packages['scikit-learn']}, skorch {packages['skorch']}"
    )


def speed_table(pairs: list[Pair], titles: dict[str, str]) -> list[str]:
    """Medians; of the ratios, each."""
    lines = [f"{'':<28}{'wall s':>8}{'CPU s':>8}{'MiB':>7}   times burn-tune's wall time"]
    for name, title in titles.items():
        runs = runs_of(name, pairs)
        wall_s, cpu_s = (median(getattr(run.usage, key) for run in runs) for key in ("wall_s", "cpu_s"))
        line = f"{title:<28}{wall_s:>8.1f}{cpu_s:>8.1f}{peak_mib(runs):>7.0f}"
        if ratios := [pair.ratio() for pair in pairs if pair.peer == name]:
            line += f"   {median(ratios):.2f} of " + " ".join(f"{ratio:.2f}" for ratio in ratios)
        lines.append(line)
    return lines


def score_table(comparisons: list[dict[str, Any]]) -> list[str]:
    """A line for each configuration: how far each peer is from ours, and what is wrong with that."""
    peers = list(dict.fromkeys(comparison["peer"] for comparison in comparisons))
    lines = [
        "Mean accuracies: ours, its deviation over seeds and over folds, how far a peer may be from it, and is",
        f"{'configuration':<14}{'ours':>8}{'seeds':>8}{'folds':>8}{'bound':>8}" + "".join(f"{p:>14}" for p in peers),
    ]
    for number in sorted({comparison["configuration"] for comparison in comparisons}):
        row = [comparison for comparison in comparisons if comparison["configuration"] == number]
        numbers = [row[0][key] for key in ("ours", "std_over_seeds", "std_over_folds", "bound")]
        line = f"{number:<14}" + "".join(f"{value:>8.4f}" for value in numbers)
        line += "".join(f"{comparison['difference']:>+14.4f}" for comparison in row)
        faults = [f"{comparison['peer']}: {comparison['fault']}" for comparison in row if comparison["fault"]]
        lines.append("  ".join([line, *faults]))
    return lines


def row(result: dict[str, Any], pairs: list[Pair]) -> str:
    """One row of the table in book/src/speed.md, which has these columns."""
    machine, task = result["machine"], result["task"]
    ours = runs_of(OURS, pairs)
    cells = [
        result["date"],
        f"{machine['cpu']}, {machine['instruction_set']}, {machine['cores']} cores",
        versions(machine),
        f"{len(task['configurations'])} × {task['folds']}, {task['jobs']} workers",
        f"{median(run.usage.wall_s for run in ours):.1f} s, {peak_mib(ours):.0f} MiB",
    ]
    for name in ("optuna", "optuna-plain", "sklearn"):
        ratios = [pair.ratio() for pair in pairs if pair.peer == name]
        cells.append(f"{median(ratios):.2f}, {peak_mib(runs_of(name, pairs)):.0f} MiB" if ratios else "–")
    return "| " + " | ".join(cells) + " |"


def runs_of(name: str, pairs: list[Pair]) -> list[Run]:
    if name == OURS:
        return [pair.ours for pair in pairs]
    return [pair.theirs for pair in pairs if pair.peer == name]


def peak_mib(runs: list[Run]) -> float:
    return max(run.usage.peak_bytes for run in runs) / MIB
