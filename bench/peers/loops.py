"""burn-tune's network in PyTorch, and the loops that train it. Imported where `torch` is there already."""

from collections.abc import Callable, Iterator

import torch
import torch._dynamo  # The first optimizer imports it: before the workers are forked, that is done once.
from torch import Tensor, nn

from configurations import Configuration

ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid}
# So many examples are scored at once by the tuned loop: their activations stay in the cache.
SCORED_AT_ONCE = 1_000

# Scores on `test` a network that was trained on `train`; both are row numbers of `x` and `y`.
Loop = Callable[[Configuration, Tensor, Tensor, Tensor, Tensor], float]
Batches = Iterator[tuple[Tensor, Tensor]]


def network(activation: str, depth: int, hidden_size: int) -> nn.Sequential:
    """Initialised as PyTorch does it, which is what burn-tune does, too."""
    layers: list[nn.Module] = []
    width = 784
    for _ in range(depth):
        layers += [nn.Linear(width, hidden_size), ACTIVATIONS[activation]()]
        width = hidden_size
    return nn.Sequential(*layers, nn.Linear(width, 10))


def network_of(configuration: Configuration) -> nn.Sequential:
    return network(*(configuration[key] for key in ("activation", "depth", "hidden_size")))


def use_one_thread() -> None:
    """One thread for each worker process, and no slow arithmetic on numbers next to zero."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def tuned(batches: Callable[..., Batches]) -> Loop:
    """What PyTorch's guide to tuning advises on a processor: no DataLoader, and Adam in one pass."""

    def fit_and_score(c: Configuration, x: Tensor, y: Tensor, train: Tensor, test: Tensor) -> float:
        model = network_of(c)
        optimizer = torch.optim.Adam(model.parameters(), lr=c["lr"], fused=True)
        for _ in range(c["epochs"]):
            for inputs, labels in batches(x, y, train, c["batch_size"]):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(inputs), labels).backward()
                optimizer.step()
        return accuracy(model, x, y, test)

    return fit_and_score


def gathered_by_batch(x: Tensor, y: Tensor, train: Tensor, batch_size: int) -> Batches:
    """The rows of each batch are gathered when it is its turn, so that they are in the cache."""
    for rows in train[torch.randperm(len(train))].split(batch_size):
        yield x.index_select(0, rows), y.index_select(0, rows)


class GatheredByEpoch:
    """The rows of a whole epoch are gathered at once, and its batches are views of them. All epochs have the same
    memory: new pages for each would cost more than the gathering."""

    def __init__(self) -> None:
        self._inputs, self._labels = torch.empty(0), torch.empty(0, dtype=torch.int64)

    def __call__(self, x: Tensor, y: Tensor, train: Tensor, batch_size: int) -> Batches:
        if len(self._inputs) != len(train):
            self._inputs, self._labels = x.new_empty(len(train), x.shape[1]), y.new_empty(len(train))
        rows = train[torch.randperm(len(train))]
        torch.index_select(x, 0, rows, out=self._inputs)
        torch.index_select(y, 0, rows, out=self._labels)
        return zip(self._inputs.split(batch_size), self._labels.split(batch_size))


@torch.inference_mode()
def accuracy(model: nn.Module, x: Tensor, y: Tensor, test: Tensor) -> float:
    right = sum(int((model(x[rows]).argmax(1) == y[rows]).sum()) for rows in test.split(SCORED_AT_ONCE))
    return right / len(test)


def tutorial(c: Configuration, x: Tensor, y: Tensor, train: Tensor, test: Tensor) -> float:
    """The loop of PyTorch's tutorials; kinder than theirs in that all images are decoded beforehand."""
    model = network_of(c)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=c["lr"])
    dataset = torch.utils.data.TensorDataset(x[train], y[train])
    loader = torch.utils.data.DataLoader(dataset, batch_size=c["batch_size"], shuffle=True)
    for _ in range(c["epochs"]):
        for inputs, labels in loader:
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return (model(x[test]).argmax(1) == y[test]).float().mean().item()


LOOPS: dict[str, Loop] = {
    "by-batch": tuned(gathered_by_batch),
    "by-epoch": tuned(GatheredByEpoch()),
    "tutorial": tutorial,
}
