"""Learning rates of PyTorch's and optax's schedulers, step by step, for tests/golden/schedules.json.

Run with a Python that has torch, jax and optax (made with torch 2.13, optax 0.2.8, float64):
`python tests/golden/make_schedules.py`. The course itself needs none of them.
"""

import json
import math
from pathlib import Path

DATA = Path(__file__).with_name("schedules.json")
STEPS = 80
LR0 = 0.7


def torch_rates() -> dict[str, list[float]]:
    """The rate that each of PyTorch's schedulers sets for steps 0, 1, ..., STEPS - 1."""
    import torch
    from torch.optim import lr_scheduler as schedulers

    def record(make) -> list[float]:
        optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=LR0)
        scheduler, rates = make(optimizer), []
        for _ in range(STEPS):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            scheduler.step()
        return rates

    def warmup(optimizer):
        climb = schedulers.LinearLR(optimizer, start_factor=1 / 9, end_factor=1.0, total_iters=8)
        fall = schedulers.ExponentialLR(optimizer, gamma=math.exp(-0.04))
        return schedulers.SequentialLR(optimizer, [climb, fall], milestones=[9])

    return {
        "step": record(lambda o: schedulers.StepLR(o, step_size=13, gamma=0.3)),
        "exponential": record(lambda o: schedulers.ExponentialLR(o, gamma=math.exp(-0.06))),
        "linear": record(lambda o: schedulers.LinearLR(o, 1.0, 0.02 / LR0, total_iters=33)),
        "cosine": record(lambda o: schedulers.CosineAnnealingLR(o, T_max=STEPS)),
        "restarts": record(lambda o: schedulers.CosineAnnealingWarmRestarts(o, T_0=11)),
        "growing restarts": record(lambda o: schedulers.CosineAnnealingWarmRestarts(o, T_0=5, T_mult=3)),
        "warmup": record(warmup),
    }


def optax_rates() -> dict[str, list[float]]:
    """The same for optax's schedules, evaluated with 64-bit JAX."""
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)

    def record(schedule) -> list[float]:
        return [float(schedule(jax.numpy.asarray(t, dtype="float64"))) for t in range(STEPS)]

    return {
        "step": record(optax.exponential_decay(LR0, 13, 0.3, staircase=True)),
        "exponential": record(optax.exponential_decay(LR0, 1, math.exp(-0.06))),
        "linear": record(optax.linear_schedule(LR0, 0.02, 33)),
        "cosine": record(optax.cosine_decay_schedule(LR0, 61)),
    }


if __name__ == "__main__":
    rates = {"torch": torch_rates(), "optax": optax_rates()}
    DATA.write_text(json.dumps(rates, indent=0) + "\n", encoding="utf-8")
