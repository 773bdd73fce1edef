"""A stand-in for a training: replace what is in the loop. Needs nothing but Python."""

import argparse
import json
import math

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--layers", type=int, required=True)
args = parser.parse_args()

loss = 1.0
for epoch in range(1, 11):
    loss *= 0.6 + 0.1 * abs(math.log10(args.lr) + 2) + 0.02 * abs(args.layers - 3)
    print(json.dumps({"step": epoch, "value": loss}), flush=True)  # a pruner may stop it here

print(loss)  # the last line is the score
