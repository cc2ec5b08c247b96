"""Makes batchnorm.json: PyTorch's BatchNorm1d over 20 batches and back, and its LayerNorm, in float64.

    python tests/golden/make_batchnorm.py   # wants PyTorch (made with 2.13), no requirement of the project

The batches change in size (2 to 7), centre and spread; one feature has a gradient of zero and another is
constant in some batches. Both modes are recorded: out and gradients while training, running statistics after
each batch, and the evaluation of a shifted batch at the end.
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("batchnorm.json")
FEATURES, BATCHES = 4, 20
MOMENTUM, EPS = 0.27, 1e-2


def problem() -> dict:
    """Everything that goes in, rounded so that the file stays short."""
    rng = np.random.default_rng(8)
    batches = []
    for k in range(BATCHES):
        x = rng.normal(rng.uniform(-3, 3, FEATURES), rng.uniform(0.2, 2, FEATURES), (2 + k % 6, FEATURES))
        if k % 3 == 0:
            x[:, 2] = 1.5
        dout = rng.normal(size=x.shape)
        dout[:, 1] = 0.0
        batches.append({"x": x.round(4).tolist(), "dout": dout.round(4).tolist()})
    return {
        "momentum": MOMENTUM,
        "eps": EPS,
        "gamma": [1.3, -0.7, 0.4, 2.1],
        "beta": [0.2, -1.0, 0.0, 3.0],
        "running": {"mean": [0.5, -0.5, 1.0, 0.0], "var": [2.0, 0.3, 1.0, 1.5]},
        "batches": batches,
        "shifted": (rng.normal(6.0, 2.0, (4, FEATURES))).round(4).tolist(),
    }


def layer(kind: str, given: dict):
    """A torch layer with the problem's parameters."""
    import torch

    if kind == "batchnorm":
        made = torch.nn.BatchNorm1d(FEATURES, given["eps"], given["momentum"], dtype=torch.float64)
        made.running_mean.copy_(torch.tensor(given["running"]["mean"], dtype=torch.float64))
        made.running_var.copy_(torch.tensor(given["running"]["var"], dtype=torch.float64))
    else:
        made = torch.nn.LayerNorm(FEATURES, eps=given["eps"], dtype=torch.float64)
    with torch.no_grad():
        made.weight.copy_(torch.tensor(given["gamma"], dtype=torch.float64))
        made.bias.copy_(torch.tensor(given["beta"], dtype=torch.float64))
    return made


def there_and_back(made, batch: dict) -> dict:
    """The layer's output for one batch, and the gradients of sum(dout * out)."""
    import torch

    x = torch.tensor(batch["x"], dtype=torch.float64, requires_grad=True)
    out = made(x)
    (torch.tensor(batch["dout"], dtype=torch.float64) * out).sum().backward()
    seen = {"out": out.tolist(), "dx": x.grad.tolist(), "dgamma": made.weight.grad.tolist(),
            "dbeta": made.bias.grad.tolist()}
    made.weight.grad = made.bias.grad = None
    return seen


def golden() -> dict:
    """All that the file holds: what went into PyTorch and what came out."""
    import torch

    given = problem()
    norm, train = layer("batchnorm", given), []
    for batch in given["batches"]:
        train.append(there_and_back(norm, batch)
                     | {"mean": norm.running_mean.tolist(), "var": norm.running_var.tolist()})
    evaluated = norm.eval()(torch.tensor(given["shifted"], dtype=torch.float64)).tolist()
    rows = [there_and_back(layer("layernorm", given), batch) for batch in given["batches"][:6]]
    return {"problem": given, "train": train, "eval": evaluated, "layernorm": rows}


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden()) + "\n", encoding="utf-8")
