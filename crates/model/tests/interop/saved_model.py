"""Loads a model that `burn-tune search` has kept, from its model.safetensors, and compares what it predicts with what
`burn-tune predict` says.

    python saved_model.py --burn-tune target/debug/burn-tune [--torch] --folder FOLDER

Without --torch the network is computed by numpy, which needs no download of gigabytes; with it by PyTorch, with
torch.nn.Linear and load_state_dict, as a user would. Needs numpy and safetensors; for --torch also torch.
"""

import argparse
import gzip
import json
import math
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

SPACE = """
[study]
name = "kept"
seed = 3
top = 1
refit_seeds = 1

[space]
batch_size = 100
lr = 0.003
epochs = 1
activation = ["relu", "leaky_relu", "sigmoid", "tanh", "gelu", "silu"]
depth = 2
hidden_size = 24
hidden_size_2 = 16
softmax = [false, true]
"""
# So many of the probabilities' digits are the same in another order of additions.
TOLERANCE = 2e-5


def erf(x):
    return np.vectorize(math.erf)(x)


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "gelu": lambda x: x * 0.5 * (1 + erf(x / math.sqrt(2))),
    "silu": lambda x: x / (1 + np.exp(-x)),
}


def softmax(x):
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def with_numpy(path, config, images):
    from safetensors.numpy import load_file

    tensors = load_file(path)
    last = len(tensors) // 2 - 1
    x = images.astype(np.float64)
    for layer in range(last + 1):
        weight, bias = tensors[f"layers.{layer}.weight"], tensors[f"layers.{layer}.bias"]
        x = x @ weight.T.astype(np.float64) + bias
        x = ACTIVATIONS[config["activation"]](x) if layer < last else x
    return softmax(x)


def with_torch(path, config, images):
    import torch
    from safetensors.torch import load_file

    tensors = load_file(path)
    shapes = [tensors[f"layers.{layer}.weight"].shape for layer in range(len(tensors) // 2)]
    activations = dict(relu=torch.nn.ReLU, leaky_relu=torch.nn.LeakyReLU, sigmoid=torch.nn.Sigmoid,
                       tanh=torch.nn.Tanh, gelu=torch.nn.GELU, silu=torch.nn.SiLU)

    class Mlp(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList(torch.nn.Linear(inputs, outputs) for outputs, inputs in shapes)
            self.activation = activations[config["activation"]]()

        def forward(self, x):
            for layer in self.layers[:-1]:
                x = self.activation(layer(x))
            return self.layers[-1](x)

    model = Mlp()
    model.load_state_dict(tensors)  # strict: every name and shape
    with torch.no_grad():
        return torch.softmax(model(torch.from_numpy(images)), dim=1).numpy()


def images_for_test(folder, count=500):
    """Images of noise and edges, as an IDX file: the weights are what is looked at, not the digits."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    pixels[: count // 2, :, :14] = 0
    path = folder / "noise-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(struct.pack(">HBBIII", 0, 8, 3, count, 28, 28) + pixels.tobytes()))
    return path, pixels.reshape(count, 784).astype(np.float32) / 255


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--burn-tune", type=Path, required=True)
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--torch", action="store_true")
    arguments = arguments.parse_args()
    program, folder = arguments.burn_tune.resolve(), arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kept.toml").write_text(SPACE)

    def run(*words):
        return subprocess.run([program, *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout

    run("search", "--space", "kept.toml", "--sampler", "grid", "--trials", "12", "--limit", "1200",
        "--folds", "1", "--keep-models", "12", "-q")
    data, images = images_for_test(folder)
    models = sorted((folder / "results/kept/models").glob("trial-*/*"))
    assert len(models) == 13, f"12 folds and a refit, and not {len(models)}"
    compute = with_torch if arguments.torch else with_numpy
    worst = 0.0
    for model in models:
        config = json.loads((model / "model.json").read_text())["config"]
        outputs = compute(model / "model.safetensors", config, images)
        said = run("predict", "--model", model.resolve(), "--data", data.resolve(), "--format", "json")
        said = json.loads(said)["predictions"]
        classes = outputs.argmax(axis=1)
        ours = np.array([row["predicted"] for row in said])
        close = np.sort(outputs, axis=1)
        certain = close[:, -1] - close[:, -2] > TOLERANCE
        assert (classes == ours)[certain].all(), f"{model}: other classes"
        difference = np.abs(outputs.max(axis=1) - [row["probability"] for row in said]).max()
        assert difference < TOLERANCE, f"{model}: probabilities differ by {difference}"
        worst = max(worst, difference)
    library = "numpy"
    if arguments.torch:
        import torch
        library = f"torch {torch.__version__}"
    print(f"{len(models)} models, {len(images)} images each: {library} predicts the same; "
          f"probabilities differ by {worst:.1e} at most")


if __name__ == "__main__":
    sys.exit(main())
