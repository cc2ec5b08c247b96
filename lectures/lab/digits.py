"""Handwritten digits: small enough to store, real enough to learn from. `lectures/data/README.md` says whose they are."""
from pathlib import Path
from typing import NamedTuple

import numpy as np

DATA = Path(__file__).resolve().parent.parent / "data" / "digits.npz"


class Split(NamedTuple):
    """Examples to train on and examples to validate on."""

    x: np.ndarray
    y: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray


def load_digits():
    """Returns x (1797, 64) float64, each pixel in [0, 1], and labels (1797,) int64 from 0 to 9."""
    with np.load(DATA) as data:
        return data["images"].reshape(-1, 64) / 16.0, data["labels"].astype(np.int64)


def split(x, y, validation=397, seed=0):
    """Splits examples at random, the same way for the same seed; `validation` of them go to the validation set.

    Raises `ValueError` unless both sets get at least one example.
    """
    if not 0 < validation < len(x):
        raise ValueError(f"validation must lie between 1 and {len(x) - 1} for {len(x)} examples, not {validation}.")
    order = np.random.default_rng(seed).permutation(len(x))
    held, kept = order[:validation], order[validation:]
    return Split(x[kept], y[kept], x[held], y[held])
