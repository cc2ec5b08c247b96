"""Makes adaptive.json: 60 steps of PyTorch's adaptive optimizers, and of two of optax's, in float64.

    python tests/golden/make_adaptive.py     # wants torch, jax and optax, which the project does not require

Made with torch 2.13, jax 0.10.2 and optax 0.2.8. The loss is w^T A w / 2 + sum b_i (1 - cos w_i): its
gradient changes at every step and is zero for ever in one coordinate. All settings are passed, since
PyTorch's defaults are not the course's: Adagrad's eps is 1e-10 there, RMSprop's alpha 0.99 and lr 0.01,
Adadelta's rho 0.9. PyTorch's NAdam is another formula, so Nadam is optax's. optax's RMSProp with Nesterov's
gradient stores the look-ahead point w + alpha v.
"""

import json
from pathlib import Path

FILE = Path(__file__).with_name("adaptive.json")
STEPS = 60
PROBLEM = {
    "A": [[2.0, 0.3, 0.0, -0.4], [0.3, 0.7, 0.0, 0.1], [0.0, 0.0, 0.0, 0.0], [-0.4, 0.1, 0.0, 5.0]],
    "b": [0.8, -0.5, 0.0, 1.7],
    "w0": [1.5, -2.0, 0.75, 0.6],
}
# The settings are those of the course's functions. Each has a run with a large eps, where its place shows.
TORCH_RUNS = {
    "adagrad": [("adagrad_step", {"lr": 0.3, "eps": 0.02}), ("adagrad_step", {"lr": 0.01, "eps": 1e-8})],
    "rmsprop": [("rmsprop_step", {"lr": 0.02, "rho": 0.8, "eps": 0.02}),
                ("rmsprop_step", {"lr": 0.001, "rho": 0.9, "eps": 1e-8})],
    "adadelta": [("adadelta_step", {"rho": 0.7, "eps": 0.02}), ("adadelta_step", {"rho": 0.95, "eps": 1e-6})],
    "adam": [("adam_step", {"lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 0.02}),
             ("adam_step", {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8})],
    "adamax": [("adamax_step", {"lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 0.02}),
               ("adamax_step", {"lr": 0.002, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8})],
    "amsgrad": [("amsgrad_step", {"lr": 0.1, "beta1": 0.8, "beta2": 0.6, "eps": 0.02}),
                ("amsgrad_step", {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8})],
}
OPTAX_RUNS = {
    "nadam": [("nadam_step", {"lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 0.02}),
              ("nadam_step", {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8})],
    "rmsprop with nesterov": [
        ("rmsprop_nesterov_step", {"lr": 0.02, "rho": 0.8, "alpha": 0.7, "eps": 0.02}),
        ("rmsprop_nesterov_step", {"lr": 0.001, "rho": 0.9, "alpha": 0.9, "eps": 1e-8}),
    ],
}


def torch_path(name: str, settings: dict) -> list[list[float]]:
    """PyTorch's parameters after each step, (60, 4)."""
    import torch

    settings = dict(settings)
    if "beta1" in settings:
        settings["betas"] = settings.pop("beta1"), settings.pop("beta2")
    if name == "rmsprop":
        settings["alpha"] = settings.pop("rho")
    if name == "adadelta":
        settings["lr"] = 1.0
    make = {
        "adagrad": torch.optim.Adagrad, "rmsprop": torch.optim.RMSprop, "adadelta": torch.optim.Adadelta,
        "adam": torch.optim.Adam, "adamax": torch.optim.Adamax,
        "amsgrad": lambda params, **given: torch.optim.Adam(params, amsgrad=True, **given),
    }[name]
    A, b = (torch.tensor(PROBLEM[key], dtype=torch.float64) for key in ("A", "b"))
    w = torch.tensor(PROBLEM["w0"], dtype=torch.float64, requires_grad=True)
    optimizer, path = make([w], **settings), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        (w @ A @ w / 2 + (b * (1 - torch.cos(w))).sum()).backward()
        optimizer.step()
        path.append(w.detach().tolist())
    return path


def optax_path(name: str, settings: dict) -> list[list[float]]:
    """optax's parameters after each step, (60, 4)."""
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)
    if name == "nadam":
        optimizer = optax.nadam(settings["lr"], settings["beta1"], settings["beta2"], settings["eps"])
    else:
        optimizer = optax.rmsprop(settings["lr"], settings["rho"], settings["eps"], eps_in_sqrt=False,
                                  momentum=settings["alpha"], nesterov=True)
    A, b, w = (jax.numpy.asarray(PROBLEM[key], dtype="float64") for key in ("A", "b", "w0"))
    gradient = jax.grad(lambda w: w @ A @ w / 2 + (b * (1 - jax.numpy.cos(w))).sum())
    state, path = optimizer.init(w), []
    for _ in range(STEPS):
        updates, state = optimizer.update(gradient(w), state, w)
        w = optax.apply_updates(w, updates)
        path.append(w.tolist())
    return path


def recorded(runs: dict, path) -> list[dict]:
    return [{"optimizer": name, "function": function, "settings": settings, "path": path(name, settings)}
            for name, variants in runs.items() for function, settings in variants]


def golden() -> dict:
    """All that the file holds: the problem, and each run's settings and trajectory."""
    return {"problem": PROBLEM, "runs": recorded(TORCH_RUNS, torch_path) + recorded(OPTAX_RUNS, optax_path)}


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden()) + "\n", encoding="utf-8")
