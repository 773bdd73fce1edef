"""The problems of the comparison of samplers, in Python.

`crates/search/benches/sampler_bench/problems.rs` has the same in Rust; `problems.json`, which this file
writes, has points with their losses, and `crates/search/tests/sampler_problems.rs` compares.

    python problems.py > problems.json

A parameter is ("float", low, high), ("log", low, high), ("int", low, high), ("logint", low, high) or
("choice", values); a fourth entry, (parent, values), says when it exists. No optimum lies in the middle of
its range: a sampler whose prior is highest there would have it for nothing.
"""
import json
import math
import random

SHIFTS = [0.3, -0.62, 0.11, 0.74, -0.45, 0.58, -0.2, 0.9, -0.81, 0.05]
CATEGORIES = ["a", "b", "c", "d", "e"]
DISTANCES = [6.5, 0.0, 13.0, 26.0, 3.3]
ALPHA = [1.0, 1.2, 3.0, 3.2]
A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
P = [[0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
     [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]]


def sphere(x):
    return sum((value - 4 * shift) ** 2 for value, shift in zip(x.values(), SHIFTS))


def rosenbrock(x):
    x = list(x.values())
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


def hartmann(x):
    x = list(x.values())
    return -sum(alpha * math.exp(-sum(a * (v - p) ** 2 for a, p, v in zip(a_row, p_row, x)))
                for alpha, a_row, p_row in zip(ALPHA, A, P))


def ackley(x):
    z = []
    for i, value in enumerate(x.values()):
        if isinstance(value, str):
            z.append(DISTANCES[(CATEGORIES.index(value) + i) % 5])
        elif isinstance(value, int):
            z.append(3.2768 * (value - math.floor(10 * SHIFTS[i])))
        else:
            z.append(value - 24 * SHIFTS[i])
    square = sum(v * v for v in z) / len(z)
    cosine = sum(math.cos(2 * math.pi * v) for v in z) / len(z)
    return -20 * math.exp(-0.2 * math.sqrt(square)) - math.exp(cosine) + 20 + math.e


def network(x):
    loss = 0.05 * (x["layers"] - 3) ** 2
    if x["optimizer"] == "sgd":
        loss += 0.2 + 0.3 * (math.log10(x["lr_sgd"]) + 1.5) ** 2 + (x["momentum"] - 0.9) ** 2
    elif x["optimizer"] == "adam":
        loss += 0.1 + 0.3 * (math.log10(x["lr_adam"]) + 3) ** 2 + 5 * (x["beta"] - 0.9) ** 2
    else:
        loss += 0.3
    for i in range(x["layers"]):
        loss += 0.1 * (math.log2(x[f"width_{i + 1}"]) - (8 - i)) ** 2
    return loss


def floats(count, low, high):
    return {f"x{i}": ("float", low, high) for i in range(count)}


def mixed(n_floats, n_ints, n_choices):
    params = [("float", -32.768, 32.768)] * n_floats + [("int", -10, 10)] * n_ints + [("choice", CATEGORIES)] * n_choices
    return {f"x{i}": param for i, param in enumerate(params)}


NETWORK = {
    "optimizer": ("choice", ["sgd", "adam", "lion"]),
    "lr_sgd": ("log", 1e-4, 1.0, ("optimizer", ["sgd"])),
    "momentum": ("float", 0.0, 1.0, ("optimizer", ["sgd"])),
    "lr_adam": ("log", 1e-5, 1e-1, ("optimizer", ["adam"])),
    "beta": ("float", 0.8, 0.999, ("optimizer", ["adam"])),
    "layers": ("int", 1, 4),
    "width_1": ("logint", 16, 512),
    "width_2": ("logint", 16, 512, ("layers", [2, 3, 4])),
    "width_3": ("logint", 16, 512, ("layers", [3, 4])),
    "width_4": ("logint", 16, 512, ("layers", [4])),
}

PROBLEMS = {
    **{f"sphere-{d}": (floats(d, -5.0, 5.0), sphere) for d in (2, 5, 10)},
    **{f"rosenbrock-{d}": (floats(d, -5.0, 10.0), rosenbrock) for d in (2, 5, 10)},
    "hartmann-6": (floats(6, 0.0, 1.0), hartmann),
    "ackley-mixed-3": (mixed(1, 1, 1), ackley),
    "ackley-mixed-5": (mixed(2, 2, 1), ackley),
    "ackley-mixed-10": (mixed(4, 3, 3), ackley),
    "network-10": (NETWORK, network),
}


def draw(space, choose):
    """A point, each parameter that exists from `choose(name, kind, arguments)`."""
    point = {}
    for name, (kind, *arguments) in space.items():
        if isinstance(arguments[-1], tuple):
            parent, values = arguments.pop()
            if point.get(parent) not in values:
                continue
        point[name] = choose(name, kind, arguments)
    return point


def main():
    rng = random.Random(1)

    def uniform(_, kind, arguments):
        if kind == "choice":
            return rng.choice(arguments[0])
        low, high = arguments
        if kind == "float":
            return rng.uniform(low, high)
        if kind == "int":
            return rng.randint(low, high)
        value = math.exp(rng.uniform(math.log(low), math.log(high)))
        return value if kind == "log" else round(value)

    rows = []
    for name, (space, loss) in PROBLEMS.items():
        for _ in range(10):
            point = draw(space, uniform)
            rows.append(json.dumps(dict(problem=name, point=point, loss=loss(point))))
    print("[\n" + ",\n".join(rows) + "\n]")


if __name__ == "__main__":
    main()
