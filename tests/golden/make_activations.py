"""Makes activations.json: PyTorch's PReLU with both gradients, its ELU, leaky ReLU, ReLU, sigmoid and tanh, and a maxout.

    python tests/golden/make_activations.py      # wants PyTorch (made with 2.13), which the project does not require

All in float64. The inputs hold zeros, where conventions differ, and entries up to 1e3 in size; PReLU's slopes are
below 0, between 0 and 1, and above 1.
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("activations.json")


def problem() -> dict:
    """Everything that goes in, rounded so that the file stays short."""
    rng = np.random.default_rng(6)
    x = rng.normal(0, 2, (12, 5))
    x[3] = x[:, 2][[0, 4, 7]] = 0.0
    return {
        "x": x.round(4).tolist(),
        "upstream": rng.normal(size=x.shape).round(4).tolist(),
        "slope": [0.25, -0.4, 1.7, 0.01, 3.0],
        "wide": [-1000.0, -710.0, -88.0, -30.0, -3.0, -0.5, -1e-6, 0.0, 1e-6, 0.5, 3.0, 30.0, 88.0, 710.0, 1000.0],
        "leaks": [0.01, 0.3, 2.5, -0.5],
        "alphas": [1.0, 0.3, 2.5],
        "W": rng.normal(size=(4, 5, 3)).round(4).tolist(),
        "b": rng.normal(size=(4, 3)).round(4).tolist(),
    }


def value_and_slope(function, x) -> dict:
    """What `function` makes of x, and its derivative there by autograd."""
    import torch

    x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    value = function(x)
    value.sum().backward()
    return {"value": value.tolist(), "slope": x.grad.tolist()}


def golden() -> dict:
    """All that the file holds: what went into PyTorch and what came out."""
    import torch
    from torch.nn import functional as F

    given = problem()
    x = torch.tensor(given["x"], dtype=torch.float64, requires_grad=True)
    slope = torch.tensor(given["slope"], dtype=torch.float64, requires_grad=True)
    (torch.tensor(given["upstream"], dtype=torch.float64) * F.prelu(x, slope)).sum().backward()
    W, b = (torch.tensor(given[name], dtype=torch.float64) for name in ("W", "b"))
    pieces = torch.stack([x @ W[i] + b[i] for i in range(len(W))])
    wide = given["wide"]
    return {
        "problem": given,
        "prelu": {"dx": x.grad.tolist(), "dslope": slope.grad.tolist()},
        "sigmoid": value_and_slope(torch.sigmoid, wide),
        "tanh": value_and_slope(torch.tanh, wide),
        "relu": value_and_slope(torch.relu, wide),
        "leaky_relu": [value_and_slope(lambda x: F.leaky_relu(x, leak), wide) for leak in given["leaks"]],
        "elu": [value_and_slope(lambda x: F.elu(x, alpha), wide) for alpha in given["alphas"]],
        "maxout": pieces.max(dim=0).values.tolist(),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden()) + "\n", encoding="utf-8")
