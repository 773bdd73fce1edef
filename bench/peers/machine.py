"""What a figure was measured on: the processor, its instruction set, and the versions of everything."""

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

# From the widest: a flag that the processor has, and what it is called.
INSTRUCTION_SETS = [
    ("avx512f", "AVX-512"),
    ("avx2", "AVX2"),
    ("avx", "AVX"),
    ("sse2", "SSE2"),
    ("asimd", "NEON"),
]
PACKAGES = ["optuna", "scikit-learn", "skorch", "numpy"]
ROOT = Path(__file__).parents[2]


def describe(program: Path | None) -> dict[str, object]:
    """Everything that belongs to a result; `program` is burn-tune, where that was measured."""
    lscpu = fields_of_lscpu()
    flags = lscpu.get("Flags", "").split()
    return {
        "cpu": cpu_model(lscpu),
        "instruction_set": next((name for flag, name in INSTRUCTION_SETS if flag in flags), platform.machine()),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads_per_core": lscpu.get("Thread(s) per core"),
        "caches": {key: value for key, value in lscpu.items() if key.startswith("L") and key.endswith("cache")},
        "virtual": lscpu.get("Hypervisor vendor"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES} | {"torch": torch_build()},
        "rustc": output("rustc", "--version"),
        "burn_tune": output(str(program), "--version") if program else None,
        "commit": output("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"),
    }


def cpu_model(lscpu: dict[str, str]) -> str:
    """With family and model, because a virtual machine may hide the name."""
    name = lscpu.get("Model name") or platform.processor() or "unknown"
    family, model = lscpu.get("CPU family"), lscpu.get("Model")
    return f"{name} (family {family}, model {model})" if family and model else name


def fields_of_lscpu() -> dict[str, str]:
    if not shutil.which("lscpu"):
        return {}
    text = subprocess.run(["lscpu"], env=os.environ | {"LC_ALL": "C"}, text=True, capture_output=True).stdout
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def torch_build() -> str | None:
    """With its suffix, such as +cpu: the build with CUDA takes longer to load, and half a gigabyte of memory."""
    return output(sys.executable, "-c", "import torch; print(torch.__version__)")


def output(*command: str) -> str | None:
    """What a command prints; nothing where it is not there."""
    try:
        done = subprocess.run(command, text=True, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
