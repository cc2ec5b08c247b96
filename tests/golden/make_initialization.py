"""Makes initialization.json: PyTorch's cross-entropy, in float64, for logits from 0 to 1000.

    python tests/golden/make_initialization.py   # wants PyTorch (made with 2.13), which is no requirement

The initializers have no golden draws: a student may draw in any order, so their laws are tested instead.
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("initialization.json")


def problems() -> list[dict]:
    """Logits (N, C) and labels (N,) of each problem, rounded so that the file stays short."""
    rng = np.random.default_rng(7)
    found = []
    for n, c, size in ((1, 2, 1.0), (5, 3, 2.0), (12, 10, 4.0), (4, 1, 3.0), (6, 4, 60.0), (8, 5, 1000.0)):
        logits = size * rng.uniform(-1, 1, size=(n, c))
        found.append({"logits": logits.round(3).tolist(), "labels": rng.integers(c, size=n).tolist()})
    found.append({"logits": [[0.0] * 10] * 3, "labels": [0, 9, 4]})
    found.append({"logits": [[1000.0, -1000.0], [-1000.0, -999.0], [0.0, 0.5]], "labels": [1, 0, 1]})
    return found


def golden() -> list[dict]:
    """Each problem with PyTorch's loss, the mean over the examples."""
    import torch

    def loss(given: dict) -> float:
        logits = torch.tensor(given["logits"], dtype=torch.float64)
        return torch.nn.functional.cross_entropy(logits, torch.tensor(given["labels"])).item()

    return [given | {"loss": loss(given)} for given in problems()]


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden()) + "\n", encoding="utf-8")
