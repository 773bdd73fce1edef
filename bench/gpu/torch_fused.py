"""Many trainings at once in PyTorch, on the card or the processor: what fused trials are measured against.

Prints a line of JSON for each case: how long a step of all trainings takes. Two ways: one model with weights
[T, inputs, outputs] by `baddbmm`, with an Adam that `torch.compile` makes one kernel of; and `torch.func.vmap(grad)`
of one training with the same Adam. Inputs are bytes on the device, gathered and divided in each step, as ours.
"""

import argparse
import json
import math
import sys
import time

import torch

FEATURES, CLASSES, EXAMPLES = 784, 10, 60_000


def parameters(trainings, hidden, device):
    """Weights [T, in, out] and biases [T, 1, out] from U(±1/√in)."""
    made = []
    for inputs, outputs in ((FEATURES, hidden), (hidden, CLASSES)):
        bound = 1 / math.sqrt(inputs)
        for rows in (inputs, 1):
            made.append(torch.empty(trainings, rows, outputs, device=device).uniform_(-bound, bound))
    return made


def adam(weights, grads, first, second, lr, steps):
    """One step for all, in place; `lr` is [T, 1, 1], `steps` a number on the device, which nobody waits for."""
    correction_1 = (1 - 0.9**steps).float()
    correction_2 = (1 - 0.999**steps).sqrt().float()
    for weight, grad, m, v in zip(weights, grads, first, second):
        m.lerp_(grad, 0.1)
        v.mul_(0.999).addcmul_(grad, grad, value=0.001)
        denominator = v.sqrt().div_(correction_2).add_(1e-8)
        weight.sub_(lr / correction_1 * m / denominator)


def baddbmm_gradients(weights, x, y):
    leaves = [weight.detach().requires_grad_() for weight in weights]
    w1, b1, w2, b2 = leaves
    logits = torch.baddbmm(b2, torch.baddbmm(b1, x, w1).relu(), w2)
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
    losses = losses.view(y.shape).mean(1)
    return torch.autograd.grad(losses.sum(), leaves), losses.detach()


def one_loss(weights, x, y):
    w1, b1, w2, b2 = weights
    return torch.nn.functional.cross_entropy((x @ w1 + b1).relu() @ w2 + b2, y)


def vmap_gradients(weights, x, y):
    grads, losses = torch.func.vmap(torch.func.grad_and_value(one_loss))(tuple(weights), x, y)
    return grads, losses


class Case:
    """So many trainings of 784-hidden-10."""

    def __init__(self, images, labels, trainings, hidden, batch, gradients, update):
        device = images.device
        self.images, self.labels, self.gradients, self.update = images, labels, gradients, update
        self.shape = (trainings, batch)
        self.weights = parameters(trainings, hidden, device)
        self.first = [torch.zeros_like(weight) for weight in self.weights]
        self.second = [torch.zeros_like(weight) for weight in self.weights]
        self.lr = torch.full((trainings, 1, 1), 1e-3, device=device)
        self.steps = torch.zeros((), dtype=torch.float64, device=device)

    def step(self):
        self.steps += 1
        at = torch.randint(len(self.images), self.shape, device=self.images.device)
        x, y = self.images[at].float() / 255, self.labels[at]
        grads, losses = self.gradients(self.weights, x, y)
        with torch.no_grad():
            self.update(self.weights, grads, self.first, self.second, self.lr, self.steps)
        return losses


def examples(device):
    """Labels, and images of which some pixels tell them."""
    torch.manual_seed(0)
    labels = torch.randint(CLASSES, (EXAMPLES,))
    images = torch.randint(100, (EXAMPLES, FEATURES), dtype=torch.uint8)
    own = torch.arange(FEATURES) % CLASSES == labels[:, None]
    images[own] += 150
    return images.to(device), labels.to(device)


def measure(case, seconds, wait):
    begin = time.perf_counter()
    first = case.step().mean().item()
    for _ in range(3):
        case.step()
    wait()
    warm = time.perf_counter() - begin
    steps, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for _ in range(5):
            losses = case.step()
        wait()
        steps += 5
    step = (time.perf_counter() - begin) / steps
    last = losses.mean().item()
    if not last < first:
        sys.exit(f"it does not learn: the loss goes from {first} to {last}")
    return step, warm


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=("baddbmm", "vmap"), required=True)
    parser.add_argument("--cases", required=True, help="T:hidden:batch, with commas between them")
    parser.add_argument("--seconds", type=float, default=2, help="of each case")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-compile", action="store_true", help="the Adam as it is written")
    args = parser.parse_args()
    torch.set_float32_matmul_precision("highest")
    images, labels = examples(args.device)
    update = adam if args.no_compile else torch.compile(adam, dynamic=True)
    gradients = {"baddbmm": baddbmm_gradients, "vmap": vmap_gradients}[args.way]
    wait = torch.cuda.synchronize if args.device == "cuda" else lambda: None
    for text in args.cases.split(","):
        trainings, hidden, batch = map(int, text.split(":"))
        line = {"way": args.way, "trainings": trainings, "hidden": hidden, "batch": batch}
        try:
            case = Case(images, labels, trainings, hidden, batch, gradients, update)
            step, warm = measure(case, args.seconds, wait)
            line |= {"step_s": step, "first_steps_s": warm}
        except torch.OutOfMemoryError:
            line["error"] = "out of memory"
        print(json.dumps(line), flush=True)
        if args.device == "cuda":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
