"""The lectures' lab: what every lecture uses and none should have to explain.

A notebook in `lectures/` says `from lab import ...`; importing the package applies the shared figure style. It also
keeps NumPy's BLAS to one thread, unless OPENBLAS_NUM_THREADS says otherwise: on matrices as small as the lectures' a
second thread costs twice the processor time and saves none. That works only before NumPy is loaded, so a notebook imports
lab first.
Arrays are float64, random numbers come from a `numpy.random.Generator` that the caller passes, and no function changes
its arguments (a generator advances).

figures      COLORS, LINES               the palette (Okabe-Ito) by name, and (colour, dash, marker) for curve 0, 1, 2, ...
             show(fig, alt)              shows a figure with its alternative text, and closes it
             contours(ax, f, x, y)       level curves of f over a rectangle
             path(ax, points)            a trajectory in the plane: dots joined by a line, its start marked
             use_style()                 the style again, after something has changed it
sliders      slider(draw, lr=(lo, hi))   a live figure in Jupyter; one line of text everywhere else
quadratics   quadratic(A, b, c), quadratic_gradient(A, b)     f and its gradient, for one point or for many
             random_spd(eigenvalues, rng), random_symmetric(dim, rng, count)
             descend(gradient, w, lr, steps)                  the path of gradient descent, (steps + 1, ...)
digits       load_digits()               1,797 handwritten digits: x (1797, 64) in [0, 1], labels (1797,)
             split(x, y)                 the same 1,400 to train on and 397 to validate on, as a `Split`
network      init_network(sizes, rng, weights)                parameters: a list of (W, b)
             forward(params, x, activation)                   every layer's inputs and preactivations
             loss_and_gradients(params, x, labels, activation)
             backward(params, run, dlogits, activation)       gradients of all parameters, and of every layer's signal
             softmax_cross_entropy(logits, labels), accuracy(params, x, labels, activation)
             ACTIVATIONS by name; an Activation of one's own does too
training     train(params, data, step, ...)                   mini-batch training with any step function: (params, History)
             over_seeds(run, seeds)      the same experiment from several seeds, its histories stacked
             flatten(params), unflatten(w, like), sgd_step, smooth(losses, width)
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")   # before NumPy is loaded

from .digits import Split, load_digits, split
from .figures import COLORS, LINES, contours, path, show, use_style
from .network import (ACTIVATIONS, Activation, accuracy, backward, forward, init_network, loss_and_gradients,
                      softmax_cross_entropy)
from .quadratics import descend, quadratic, quadratic_gradient, random_spd, random_symmetric
from .sliders import slider
from .training import History, flatten, over_seeds, sgd_step, smooth, train, unflatten

__all__ = [
    "ACTIVATIONS", "Activation", "COLORS", "History", "LINES", "Split", "accuracy", "backward", "contours", "descend",
    "flatten", "forward", "init_network", "load_digits", "loss_and_gradients", "over_seeds", "path", "quadratic",
    "quadratic_gradient", "random_spd", "random_symmetric", "sgd_step", "show", "slider", "smooth",
    "softmax_cross_entropy", "split", "train", "unflatten", "use_style",
]

use_style()
