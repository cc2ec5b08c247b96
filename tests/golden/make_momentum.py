"""Makes momentum.json: 60 steps of PyTorch's SGD with momentum, plain and Nesterov's, in float64.

    python tests/golden/make_momentum.py          # wants PyTorch (made with 2.13), which the project does not require

The loss is w^T A w / 2 + sum b_i (1 - cos w_i): its gradient changes at every step and is zero for ever in one
coordinate. PyTorch's `nesterov=True` stores the look-ahead point y = w - lr rho v in place of w.
"""

import json
from pathlib import Path

FILE = Path(__file__).with_name("momentum.json")
STEPS = 60
PROBLEM = {
    "A": [[2.0, 0.3, 0.0, -0.4], [0.3, 0.7, 0.0, 0.1], [0.0, 0.0, 0.0, 0.0], [-0.4, 0.1, 0.0, 5.0]],
    "b": [0.8, -0.5, 0.0, 1.7],
    "w0": [1.5, -2.0, 0.75, 0.6],
}
# The rate of the third run falls in the middle, which tells the two forms of momentum apart.
RUNS = {
    "momentum": {"rho": 0.85, "nesterov": False, "lrs": [0.07] * STEPS},
    "nesterov": {"rho": 0.85, "nesterov": True, "lrs": [0.07] * STEPS},
    "momentum with a falling rate": {"rho": 0.6, "nesterov": False, "lrs": [0.1] * 20 + [0.01] * 40},
}


def trajectory(rho: float, nesterov: bool, lrs: list[float]) -> dict:
    """PyTorch's parameter and momentum buffer after each step: {"w": (60, 4), "v": (60, 4)} as lists."""
    import torch

    A, b = (torch.tensor(PROBLEM[name], dtype=torch.float64) for name in ("A", "b"))
    w = torch.tensor(PROBLEM["w0"], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=lrs[0], momentum=rho, nesterov=nesterov)
    path = {"w": [], "v": []}
    for lr in lrs:
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        (w @ A @ w / 2 + (b * (1 - torch.cos(w))).sum()).backward()
        optimizer.step()
        path["w"].append(w.detach().tolist())
        path["v"].append(optimizer.state[w]["momentum_buffer"].tolist())
    return path


def golden() -> dict:
    """All that the file holds: the problem, and each run's settings and trajectory."""
    return {"problem": PROBLEM, "runs": {name: {**run, **trajectory(**run)} for name, run in RUNS.items()}}


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden()) + "\n", encoding="utf-8")
