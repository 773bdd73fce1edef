"""Makes fashion_mlp.json of the study that trained the whole grid.

    burn-tune search --space bench/table/fashion_mlp.toml --trials 360 \\
        --data /usr/share/datasets/fashion-mnist --out FOLDER      20 minutes on two cores
    python bench/table/table.py FOLDER/studies.db

The data set is Debian's package `dataset-fashion-mnist`. Of its 60,000 training examples a fifth is held out;
the table has how many of those were recognised after each epoch.
"""

import json
import sqlite3
import sys
from pathlib import Path

EXAMPLES = 12_000


def main() -> None:
    database = sqlite3.connect(sys.argv[1])
    rows = []
    trials = database.execute("SELECT trial_id FROM trials WHERE state = 'COMPLETE' ORDER BY number").fetchall()
    for (trial,) in trials:
        params = {}
        query = "SELECT param_name, param_value, distribution_json FROM trial_params WHERE trial_id = ?"
        for name, value, distribution in database.execute(query, (trial,)):
            params[name] = json.loads(distribution)["attributes"]["choices"][int(value)]
        query = "SELECT intermediate_value FROM trial_intermediate_values WHERE trial_id = ? ORDER BY step"
        curve = [value for (value,) in database.execute(query, (trial,))]
        del params["epochs"]
        rows.append({"params": params, "correct": [round(value * EXAMPLES) for value in curve]})
    lines = ",\n".join(json.dumps(row) for row in rows)
    table = f'{{"examples": {EXAMPLES}, "rows": [\n{lines}\n]}}\n'
    Path(__file__).with_name("fashion_mlp.json").write_text(table)
    print(f"{len(rows)} configurations")


if __name__ == "__main__":
    main()
