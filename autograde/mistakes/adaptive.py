"""Topic 05: mistakes with adaptive methods and clipping, and right answers written otherwise."""

import math

import numpy as np

from autograde.mistakes import Catalogue

catalogue = Catalogue("05_adaptive", sections={
    "clip_by_norm": "Clipping at a cliff",
    "adagrad_step": "AdaGrad: a rate for each parameter",
    "rmsprop_step": "RMSProp: forget",
    "rmsprop_nesterov_step": "RMSProp with Nesterov's gradient",
    "adadelta_step": "AdaDelta: mind the units",
    "adam_step": "Adam: average both, and correct",
    "adamax_step": "AdaMax and AMSGrad: how long to remember",
    "amsgrad_step": "AdaMax and AMSGrad: how long to remember",
    "nadam_step": "Nadam: look ahead",
    "answer_1": "The first step has size η, whatever the scale",
    "answer_2": "What bias correction corrects",
    "answer_3": "AdaGrad's rate dies, slowly",
    "answer_4": "The race on digits",
})
wrong, right = catalogue.wrong, catalogue.right


# --- clip_by_norm -------------------------------------------------------------------------------------------


@right("one factor for both cases")
def clip_by_norm(g, max_norm):
    length = np.sqrt(np.sum(np.asarray(g, dtype=float) ** 2))
    factor = 1.0 if length == 0 else min(1.0, max_norm / length)
    return factor * np.asarray(g, dtype=float)


@right("direction times length")
def clip_by_norm(g, max_norm):
    length = math.sqrt(np.vdot(g, g))
    if length > max_norm:
        return max_norm * (g / length)
    return np.array(g, dtype=float)


@wrong("clips each entry", "You limit each entry by itself, which turns the gradient to another direction: "
       "(30, 40) clipped to 5 should be (3, 4), and not (5, 5). Scale the whole gradient by one factor.")
def clip_by_norm(g, max_norm):
    return np.clip(g, -max_norm, max_norm).astype(float)


@wrong("always rescales", "You give every gradient the length max_norm: those that are shorter should stay "
       "as they are, or training would never come to rest where the gradient tends to zero.")
def clip_by_norm(g, max_norm):
    return max_norm * g / (np.linalg.norm(g) + 1e-300)


@wrong("adds a small constant", "You divide by the norm plus 1e-6, as PyTorch does: the result is then "
       "shorter than max_norm. A gradient that is clipped has a norm above max_norm, so nothing needs "
       "protecting.")
def clip_by_norm(g, max_norm):
    norm = np.linalg.norm(g)
    return g.copy() if norm <= max_norm else g * (max_norm / (norm + 1e-6))


@wrong("a norm per row", "You clip each row by its own norm: all entries together are one gradient with one "
       "length, whatever the shape of the array.")
def clip_by_norm(g, max_norm):
    norm = np.linalg.norm(np.atleast_1d(g), axis=-1, keepdims=True)
    factor = np.minimum(1.0, max_norm / np.maximum(norm, 1e-300))
    return (g * factor).reshape(np.shape(g))


@wrong("forgets the root", "You compare and divide with the squared norm: the length of (3, 4) is 5, and its "
       "square is 25. Take the root of the sum of squares.")
def clip_by_norm(g, max_norm):
    norm = np.sum(np.square(g))
    return g.copy() if norm <= max_norm else g * (max_norm / norm)


@wrong("largest entry", "You measure the gradient by its largest entry: the norm is the root of the sum of "
       "all squares, and a gradient with many middling entries is long too.")
def clip_by_norm(g, max_norm):
    norm = np.max(np.abs(g))
    return g.copy() if norm <= max_norm else g * (max_norm / norm)


@wrong("sum of sizes", "You measure the gradient by the sum of its entries' sizes: (3, 4) has length 5 and "
       "not 7. The norm is the root of the sum of squares.")
def clip_by_norm(g, max_norm):
    norm = np.sum(np.abs(g))
    return g.copy() if norm <= max_norm else g * (max_norm / norm)


@wrong("returns the argument", "A short gradient comes back as the caller's own array, and a long one as a "
       "new one: who changes the result would sometimes change the gradient. Return a copy.")
def clip_by_norm(g, max_norm):
    norm = np.linalg.norm(g)
    return g if norm <= max_norm else g * (max_norm / norm)


# --- adagrad_step -------------------------------------------------------------------------------------------


@right("rate first")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    sum_sq = np.add(state["sum_sq"], np.multiply(g, g))
    rate = lr / (sum_sq**0.5 + eps)
    return np.subtract(w, rate * g), dict(sum_sq=sum_sq)


@right("changes copies")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    new = {key: np.array(value, dtype=np.float64) for key, value in state.items()}
    w, g = np.array(w, dtype=np.float64), np.array(g, dtype=np.float64)
    new["sum_sq"] += g * g
    w -= g / (np.sqrt(new["sum_sq"]) + eps) * lr
    return w, new


@wrong("forgets the past", "You divide by the newest gradient alone, and the sum never grows: AdaGrad adds "
       "each squared gradient to all the earlier ones.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    s = g**2.0
    return w - lr * g / (np.sqrt(s) + eps), {"sum_sq": s}


@wrong("divides by the old sum", "You divide by the sum before this gradient joined it: the first step would "
       "divide by eps alone and leap. The newest square belongs to the sum that divides it.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    with np.errstate(all="ignore"):
        new_w = w - lr * g / (np.sqrt(state["sum_sq"]) + eps)
    return new_w, {"sum_sq": state["sum_sq"] + g**2}


@wrong("without the root", "You divide by the sum of squares and not by its root: the step then has the "
       "units of 1/gradient, and a gradient half as large would take a step twice as long.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    s = state["sum_sq"] + g**2
    return w - lr * g / (s + eps), {"sum_sq": s}


@wrong("eps inside the root", "Your eps stands inside the root, as in some slides: sqrt(s + 1e-8) is at "
       "least 1e-4, so gradients below 1e-4 are held back ten thousand times sooner. Here it is sqrt(s) + "
       "eps.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    s = state["sum_sq"] + g**2
    return w - lr * g / np.sqrt(s + eps), {"sum_sq": s}


@wrong("no eps", "Your division has no eps: where a gradient has always been zero it is 0/0, which is not a "
       "number, and the parameter is lost.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    s = state["sum_sq"] + g**2
    with np.errstate(all="ignore"):
        return w - lr * g / np.sqrt(s), {"sum_sq": s}


@wrong("one sum for all", "You sum over the coordinates as well, so that all parameters share one rate: "
       "AdaGrad keeps a sum for each coordinate, which is the whole point.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    s = state["sum_sq"] + np.sum(np.square(g, dtype=float))
    return w - lr * g / (np.sqrt(s) + eps), {"sum_sq": s}


@wrong("sums sizes", "You add up the gradients' sizes and not their squares: sqrt of that sum has the wrong "
       "units, and large gradients count too little.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    s = state["sum_sq"] + np.abs(g)
    return w - lr * g / (np.sqrt(s) + eps), {"sum_sq": s}


@wrong("climbs", "Your step goes along the gradient, which points uphill: subtract it.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    s = state["sum_sq"] + g**2
    return w + lr * g / (np.sqrt(s) + eps), {"sum_sq": s}


@wrong("writes into the state", "`state['sum_sq'] += ...` and `state['sum_sq'] = ...` write into the caller's "
       "state: whoever kept the old one, to compare or to go back, has lost it. Make a new array and a new dict.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    state["sum_sq"] += g**2
    return w - lr * g / (np.sqrt(state["sum_sq"]) + eps), state


@wrong("another default eps", "Your default eps is 1e-10, which is PyTorch's for AdaGrad; this course's is "
       "1e-8.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-10):
    s = state["sum_sq"] + g**2
    return w - lr * g / (np.sqrt(s) + eps), {"sum_sq": s}


@wrong("returns the point alone", "Your step returns the point alone, so the sum of squares is lost and each "
       "step would be the first: return the new w and a dict with the new 'sum_sq'.")
def adagrad_step(w, g, state, lr=0.01, eps=1e-8):
    s = state["sum_sq"] + g**2
    return w - lr * g / (np.sqrt(s) + eps)


# --- rmsprop_step -------------------------------------------------------------------------------------------


@right("correction of the old mean")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    old = state["mean_sq"]
    r = old + (1 - rho) * (np.multiply(g, 1.0) ** 2 - old)
    return w - (lr / (r**0.5 + eps)) * g, {"mean_sq": r}


@right("loop")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    new_w, r = np.empty(np.shape(w)), np.empty(np.shape(w))
    for i in np.ndindex(np.shape(w)):
        r[i] = rho * state["mean_sq"][i] + (1 - rho) * g[i] * g[i]
        new_w[i] = w[i] - lr * g[i] / (math.sqrt(r[i]) + eps)
    return new_w, {"mean_sq": r}


@wrong("a leaking sum", "Your new square has weight 1 and not 1 - rho: that is AdaGrad's sum with a leak, "
       "1/(1 - rho) times the mean, and its steps are too short by the root of that.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    r = rho * state["mean_sq"] + g**2
    return w - lr * g / (np.sqrt(r) + eps), {"mean_sq": r}


@wrong("weights exchanged", "Your weights are exchanged: rho belongs to the old mean and 1 - rho to the new "
       "square. With yours, rho = 0.9 forgets nearly everything at each step.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    r = (1 - rho) * state["mean_sq"] + rho * g**2
    return w - lr * g / (np.sqrt(r) + eps), {"mean_sq": r}


@wrong("AdaGrad", "This is AdaGrad: your mean of squares never lets go of the past, and the steps die. "
       "RMSProp weights the past with rho and the new square with 1 - rho.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    r = state["mean_sq"] + g**2
    return w - lr * g / (np.sqrt(r) + eps), {"mean_sq": r}


@wrong("divides by the old mean", "You divide by the mean before this gradient joined it: from a zero state "
       "the first step would divide by eps alone and leap.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    with np.errstate(all="ignore"):
        return w - lr * g / (np.sqrt(state["mean_sq"]) + eps), {"mean_sq": r}


@wrong("eps inside the root", "Your eps stands inside the root, as in S3's slide: sqrt(r + 1e-8) is never "
       "below 1e-4, and gradients smaller than that are held back. In this course it is sqrt(r) + eps.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    return w - lr * g / np.sqrt(r + eps), {"mean_sq": r}


@wrong("no eps", "Your division has no eps, as in S2's slide: where a gradient has always been zero it is "
       "0/0, and the parameter becomes nan.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    with np.errstate(all="ignore"):
        return w - lr * g / np.sqrt(r), {"mean_sq": r}


@wrong("averages the gradient", "You average the gradient and square the average: gradients that change sign "
       "cancel there, and the mean of squares is there to measure how large they are.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    r = (rho * np.sqrt(state["mean_sq"]) + (1 - rho) * g) ** 2
    return w - lr * g / (np.sqrt(r) + eps), {"mean_sq": r}


@wrong("without the root", "You divide by the mean of squares and not by its root: RMS is the root of the "
       "mean of the squares, and only the root has the gradient's units.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    return w - lr * g / (r + eps), {"mean_sq": r}


@wrong("another default rho", "Your default rho is 0.99, which is PyTorch's (it calls it alpha); this "
       "course's is 0.9, as Hinton's lecture had it.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.99, eps=1e-8):
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    return w - lr * g / (np.sqrt(r) + eps), {"mean_sq": r}


@wrong("another default lr", "Your default learning rate is 0.01, which is PyTorch's for RMSProp; this "
       "course's is 0.001.")
def rmsprop_step(w, g, state, lr=0.01, rho=0.9, eps=1e-8):
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    return w - lr * g / (np.sqrt(r) + eps), {"mean_sq": r}


@wrong("writes into the state", "You change the caller's mean of squares in place (`*=`, `+=` or an "
       "assignment into the state): make a new array and return it in a new dict.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    state["mean_sq"] *= rho
    state["mean_sq"] += (1 - rho) * g**2
    return w - lr * g / (np.sqrt(state["mean_sq"]) + eps), state


@wrong("returns the point alone", "Your step returns the point alone, and the next one cannot know the mean "
       "of squares: return the new w and a dict with the new 'mean_sq'.")
def rmsprop_step(w, g, state, lr=0.001, rho=0.9, eps=1e-8):
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    return w - lr * g / (np.sqrt(r) + eps)


# --- rmsprop_nesterov_step ----------------------------------------------------------------------------------


@right("names for each quantity")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    carried = alpha * state["velocity"]
    slope = np.asarray(gradient(carried + w), dtype=float)
    mean_sq = np.average([state["mean_sq"], slope**2], axis=0, weights=[rho, 1 - rho])
    scaled = slope / (np.sqrt(mean_sq) + eps)
    velocity = carried - scaled * lr
    return np.add(w, velocity), dict(velocity=velocity, mean_sq=mean_sq)


@right("from the look-ahead point")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    ahead = w + alpha * state["velocity"]
    g = gradient(ahead)
    r = state["mean_sq"] + (1 - rho) * (g * g - state["mean_sq"])
    push = -lr * g / (np.sqrt(r) + eps)
    return ahead + push, {"mean_sq": r, "velocity": push + alpha * state["velocity"]}


@wrong("measures at w", "You measure the gradient at w: that is RMSProp with plain momentum. Nesterov's idea "
       "is to measure it at w + alpha v, where the velocity is about to lead.")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    g = gradient(w.astype(float))
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    v = alpha * state["velocity"] - lr * g / (np.sqrt(r) + eps)
    return w + v, {"mean_sq": r, "velocity": v}


@wrong("looks back", "Your look-ahead subtracts alpha v, which is right where v sums gradients; here v is a "
       "step downhill already, and w - alpha v lies behind you.")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    g = gradient(w - alpha * state["velocity"])
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    v = alpha * state["velocity"] - lr * g / (np.sqrt(r) + eps)
    return w + v, {"mean_sq": r, "velocity": v}


@wrong("looks too far ahead", "You look ahead by the whole v: the old velocity's share of the coming step is "
       "alpha v, so that is how far the point will be carried before the gradient acts.")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    g = gradient(w + state["velocity"])
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    v = alpha * state["velocity"] - lr * g / (np.sqrt(r) + eps)
    return w + v, {"mean_sq": r, "velocity": v}


@wrong("no eps", "Your division has no eps, as in S3's slide: it divides by zero where a gradient has always "
       "been zero, and the parameter becomes nan.")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    g = gradient(w + alpha * state["velocity"])
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    with np.errstate(all="ignore"):
        v = alpha * state["velocity"] - lr * g / np.sqrt(r)
    return w + v, {"mean_sq": r, "velocity": v}


@wrong("eps inside the root", "Your eps stands inside the root: in this method it is sqrt(r) + eps, as in "
       "RMSProp, so that gradients much larger than eps never feel it.")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    g = gradient(w + alpha * state["velocity"])
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    v = alpha * state["velocity"] - lr * g / np.sqrt(r + eps)
    return w + v, {"mean_sq": r, "velocity": v}


@wrong("starts from the look-ahead point", "You add the new velocity to the look-ahead point, so that alpha "
       "v is counted twice: look ahead to measure, then move from w.")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    w = w + alpha * state["velocity"]
    g = gradient(w)
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    v = alpha * state["velocity"] - lr * g / (np.sqrt(r) + eps)
    return w + v, {"mean_sq": r, "velocity": v}


@wrong("velocity without lr", "Your velocity sums scaled gradients and the learning rate multiplies it at "
       "the end: that is lecture 04's first form. Here the velocity is the step itself, lr and sign "
       "included.")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    g = gradient(w + alpha * state["velocity"])
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    v = alpha * state["velocity"] + g / (np.sqrt(r) + eps)
    return w - lr * v, {"mean_sq": r, "velocity": v}


@wrong("rho and alpha exchanged", "rho and alpha are exchanged in your step: rho is the memory of the "
       "squares, and alpha that of the velocity.")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    g = gradient(w + rho * state["velocity"])
    r = alpha * state["mean_sq"] + (1 - alpha) * g**2
    v = rho * state["velocity"] - lr * g / (np.sqrt(r) + eps)
    return w + v, {"mean_sq": r, "velocity": v}


@wrong("asks twice", "Your point is right, but you ask for the gradient twice: it is the costly part, a pass "
       "through the data, and with mini-batches the second answer is another one. Keep it in a variable.")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    ahead = w + alpha * state["velocity"]
    r = rho * state["mean_sq"] + (1 - rho) * gradient(ahead) ** 2
    v = alpha * state["velocity"] - lr * gradient(ahead) / (np.sqrt(r) + eps)
    return w + v, {"mean_sq": r, "velocity": v}


@wrong("returns the point alone", "Your step returns the point alone, and with it goes the velocity: return "
       "the new w and a dict with the new 'mean_sq' and 'velocity'.")
def rmsprop_nesterov_step(w, gradient, state, lr=0.001, rho=0.9, alpha=0.9, eps=1e-8):
    g = gradient(w + alpha * state["velocity"])
    r = rho * state["mean_sq"] + (1 - rho) * g**2
    v = alpha * state["velocity"] - lr * g / (np.sqrt(r) + eps)
    return w + v


# --- adadelta_step ------------------------------------------------------------------------------------------


@right("helper for the root mean square")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    def rms(mean):
        return np.sqrt(eps + mean)

    def average(old, new):
        return (1 - rho) * new**2 + rho * old

    grads = average(state["mean_sq_grad"], np.asarray(g, dtype=float))
    step = rms(state["mean_sq_update"]) * g / rms(grads)
    return w - step, {"mean_sq_update": average(state["mean_sq_update"], step), "mean_sq_grad": grads}


@right("one root")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a, b = state["mean_sq_grad"], state["mean_sq_update"]
    a = a + (1 - rho) * (g * g - a)
    ratio = (b + eps) / (a + eps)
    delta = -(ratio**0.5) * g
    b = b + (1 - rho) * (ratio * g * g - b)
    return delta + w, {"mean_sq_grad": a, "mean_sq_update": b}


@wrong("goes uphill", "Your update has no minus sign: it goes along the gradient, uphill. It is "
       "-RMS[d]/RMS[g] g.")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    d = np.sqrt(state["mean_sq_update"] + eps) / np.sqrt(a + eps) * g
    return w + d, {"mean_sq_grad": a, "mean_sq_update": rho * state["mean_sq_update"] + (1 - rho) * d**2}


@wrong("the slide's formula", "This is S2's algorithm as printed: it goes uphill, and the updates' average "
       "is kept and never used. The update is -RMS[d]/RMS[g] g.")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    d = g / (np.sqrt(a) + eps)
    return w + d, {"mean_sq_grad": a, "mean_sq_update": rho * state["mean_sq_update"] + (1 - rho) * d**2}


@wrong("no numerator", "Your update is g/RMS[g], which has no units and the size of 1: multiply it by "
       "RMS[d], the root mean square of the updates so far, which stands in the place of a learning rate.")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    d = -g / np.sqrt(a + eps)
    return w + d, {"mean_sq_grad": a, "mean_sq_update": rho * state["mean_sq_update"] + (1 - rho) * d**2}


@wrong("eps outside the roots", "Your eps stands outside the roots, as in RMSProp: here it stands inside, "
       "RMS[x] = sqrt(E[x^2] + eps), and the first update, which lives by eps alone, would be 1000 times too "
       "small.")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    d = -(np.sqrt(state["mean_sq_update"]) + eps) / (np.sqrt(a) + eps) * g
    return w + d, {"mean_sq_grad": a, "mean_sq_update": rho * state["mean_sq_update"] + (1 - rho) * d**2}


@wrong("eps in the denominator only", "Your numerator has no eps: from a zero state RMS[d] is then 0, so no "
       "update is ever made and none can grow. eps is what sets AdaDelta going.")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    d = -np.sqrt(state["mean_sq_update"]) / np.sqrt(a + eps) * g
    return w + d, {"mean_sq_grad": a, "mean_sq_update": rho * state["mean_sq_update"] + (1 - rho) * d**2}


@wrong("old average of gradients", "You divide by the average before this gradient joined it: RMS[g] "
       "includes the newest gradient; it is RMS[d] that has to do without the newest update.")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    d = -np.sqrt(state["mean_sq_update"] + eps) / np.sqrt(state["mean_sq_grad"] + eps) * g
    return w + d, {"mean_sq_grad": a, "mean_sq_update": rho * state["mean_sq_update"] + (1 - rho) * d**2}


@wrong("updates not accumulated", "Your average of squared updates never changes: it should take in each "
       "update, or the steps stay as small as eps made the first one.")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    d = -np.sqrt(state["mean_sq_update"] + eps) / np.sqrt(a + eps) * g
    return w + d, {"mean_sq_grad": a, "mean_sq_update": state["mean_sq_update"].copy()}


@wrong("accumulates gradients twice", "Your second average takes in squared gradients again: it is the "
       "updates whose squares it should average, since it lends the step their units.")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    d = -np.sqrt(state["mean_sq_update"] + eps) / np.sqrt(a + eps) * g
    return w + d, {"mean_sq_grad": a, "mean_sq_update": rho * state["mean_sq_update"] + (1 - rho) * g**2}


@wrong("upside down", "Your ratio is upside down: RMS of the updates stands on top, and RMS of the gradients "
       "below.")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    d = -np.sqrt(a + eps) / np.sqrt(state["mean_sq_update"] + eps) * g
    return w + d, {"mean_sq_grad": a, "mean_sq_update": rho * state["mean_sq_update"] + (1 - rho) * d**2}


@wrong("another default rho", "Your default rho is 0.9, which is PyTorch's for AdaDelta; this course's is "
       "0.95, the value of Zeiler's paper.")
def adadelta_step(w, g, state, rho=0.9, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    d = -np.sqrt(state["mean_sq_update"] + eps) / np.sqrt(a + eps) * g
    return w + d, {"mean_sq_grad": a, "mean_sq_update": rho * state["mean_sq_update"] + (1 - rho) * d**2}


@wrong("returns the point alone", "Your step returns the point alone, and both averages are lost: return the "
       "new w and a dict with the new 'mean_sq_grad' and 'mean_sq_update'.")
def adadelta_step(w, g, state, rho=0.95, eps=1e-6):
    a = rho * state["mean_sq_grad"] + (1 - rho) * g**2
    return w - np.sqrt(state["mean_sq_update"] + eps) / np.sqrt(a + eps) * g


# --- adam_step ----------------------------------------------------------------------------------------------


@right("corrections in the denominator")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = 1 + state["t"]
    m = state["m"] + (1.0 - beta1) * (g - state["m"])
    v = state["v"] + (1.0 - beta2) * (np.square(g) - state["v"])
    denominator = np.sqrt(v) / math.sqrt(1.0 - beta2**t) + eps
    rate = lr / (1.0 - beta1**t)
    return w - rate * m / denominator, {"v": v, "m": m, "t": t}


@right("one number at a time")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t, new = state["t"] + 1, np.array(w, dtype=float)
    m, v = np.array(state["m"], dtype=float), np.array(state["v"], dtype=float)
    for i in np.ndindex(new.shape):
        m[i] = beta1 * m[i] + (1 - beta1) * g[i]
        v[i] = beta2 * v[i] + (1 - beta2) * float(g[i]) ** 2
        new[i] -= lr * (m[i] / (1 - beta1**t)) / (math.sqrt(v[i] / (1 - beta2**t)) + eps)
    return new, {**state, "t": t, "m": m, "v": v}


@wrong("no bias correction", "This is Adam without bias correction: both averages start at zero, v by far "
       "the longer, so the first step is 3.16 lr and the steps grow to 6.57 lr before they come down. Divide "
       "each by 1 - beta^t.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    return w - lr * m / (np.sqrt(v) + eps), {"t": state["t"] + 1, "m": m, "v": v}


@wrong("counts from zero", "Your correction uses the number of steps before this one: at the first step 1 - "
       "beta^0 is 0, and 0/0 is not a number. Count this step first, t = 1.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"]
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    with np.errstate(all="ignore"):
        m_hat, v_hat = m / np.float64(1 - beta1**t), v / np.float64(1 - beta2**t)
        return w - lr * m_hat / (np.sqrt(v_hat) + eps), {"t": t + 1, "m": m, "v": v}


@wrong("stores the corrected averages", "You put the corrected averages into the state: at the next step "
       "they are averaged and corrected once more. The state keeps m and v as they are; the correction is "
       "for this step.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = (beta1 * state["m"] + (1 - beta1) * g) / (1 - beta1**t)
    v = (beta2 * state["v"] + (1 - beta2) * g**2) / (1 - beta2**t)
    return w - lr * m / (np.sqrt(v) + eps), {"t": t, "m": m, "v": v}


@wrong("corrects m only", "You correct m and leave v with its bias, which is the larger one: v starts at a "
       "thousandth of the squared gradient, and the first step is 31.6 lr.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v) + eps), {"t": t, "m": m, "v": v}


@wrong("eps inside the root", "Your eps stands inside the root: sqrt(v_hat + 1e-8) is never below 1e-4, and "
       "gradients smaller than that are held back. In Adam it is sqrt(v_hat) + eps.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    return w - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + eps), {"t": t, "m": m, "v": v}


@wrong("eps beside the uncorrected root", "You fold both corrections into the learning rate, as the paper's "
       "short form does: eps then meets the uncorrected sqrt(v) and weighs up to 31 times as much at the "
       "first steps.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    rate = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - rate * m / (np.sqrt(v) + eps), {"t": t, "m": m, "v": v}


@wrong("betas exchanged", "beta1 and beta2 are exchanged in your averages: beta1 is the memory of the "
       "gradients and beta2 that of their squares, which is the longer one.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta2 * state["m"] + (1 - beta2) * g
    v = beta1 * state["v"] + (1 - beta1) * g**2
    return w - lr * m / (1 - beta2**t) / (np.sqrt(v / (1 - beta1**t)) + eps), {"t": t, "m": m, "v": v}


@wrong("does not count", "Your t is not counted on: the state goes back with the t it came with, so every "
       "step is corrected like the first one and the steps shrink.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    w = w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w, {"t": state["t"], "m": m, "v": v}


@wrong("multiplies by t", "Your correction divides by 1 - beta * t or 1 - beta: the bias of an average that "
       "started at zero is a power, 1 - beta**t.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    return w - lr * m / (1 - beta1) / (np.sqrt(v / (1 - beta2)) + eps), {"t": t, "m": m, "v": v}


@wrong("squares the average", "You put m squared into v: the mean of squares takes the squared gradients, or "
       "gradients that alternate in sign would look small.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * m**2
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), {"t": t, "m": m, "v": v}


@wrong("RMSProp", "Your step uses the newest gradient where it should use the average: this is RMSProp with "
       "a bias correction. Adam's direction is m_hat.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    return w - lr * g / (np.sqrt(v / (1 - beta2**t)) + eps), {"t": t, "m": m, "v": v}


@wrong("writes into the state", "You change the caller's state: `state['t'] = t` writes into the dict, and "
       "`m *= beta1` into an array that the dict holds. Compute new arrays and return them in a new dict.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    state["t"] += 1
    t, m, v = state["t"], state["m"], state["v"]
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g**2
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), state


@wrong("returns the point alone", "Your step returns the point alone, and t, m and v are lost: return the "
       "new w and a dict with the new 't', 'm' and 'v'.")
def adam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)


# --- adamax_step --------------------------------------------------------------------------------------------


@right("where")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = (1 - beta1) * g + beta1 * state["m"]
    faded, size = state["u"] * beta2, np.sqrt(np.multiply(g, 1.0) ** 2) + eps
    u = np.where(faded > size, faded, size)
    return w - (lr * m) / (u - u * beta1**t), {"t": t, "m": m, "u": u}


@right("maximum over a stack")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = state["m"] + (1 - beta1) * (np.asarray(g, dtype=float) - state["m"])
    u = np.stack([beta2 * state["u"], np.fabs(g) + eps]).max(axis=0)
    return w - lr * (m / (1 - beta1**t)) / u, {"u": u, "m": m, "t": t}


@wrong("no bias correction", "Your m is not corrected: after the first step it holds (1 - beta1) g only, so "
       "the step is a tenth of lr at the default beta1. Divide by 1 - beta1^t.")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.maximum(beta2 * state["u"], np.abs(g) + eps)
    return w - lr * m / u, {"t": state["t"] + 1, "m": m, "u": u}


@wrong("corrects u too", "You correct u as Adam corrects v: a maximum does not start too small, because the "
       "first gradient enters it in full. Only m is an average.")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.maximum(beta2 * state["u"], np.abs(g) + eps)
    return w - lr * m / (1 - beta1**t) / (u / (1 - beta2**t)), {"t": t, "m": m, "u": u}


@wrong("counts from zero", "Your correction uses the number of steps before this one: at the first step 1 - "
       "beta1^0 is 0, and the step is not a number. Count this step first.")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"]
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.maximum(beta2 * state["u"], np.abs(g) + eps)
    with np.errstate(all="ignore"):
        return w - lr / np.float64(1 - beta1**t) * m / u, {"t": t + 1, "m": m, "u": u}


@wrong("forgets the sign", "You compare with g and not with its size: a large negative gradient would never "
       "enter the maximum, and the division would blow up. Take abs(g).")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.maximum(beta2 * state["u"], g + eps)
    with np.errstate(all="ignore"):
        return w - lr / (1 - beta1**t) * m / u, {"t": t, "m": m, "u": u}


@wrong("does not fade", "Your u never fades: one outlier would brake its parameter for ever. The old u is "
       "multiplied by beta2 before it is compared.")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.maximum(state["u"], np.abs(g) + eps)
    return w - lr / (1 - beta1**t) * m / u, {"t": t, "m": m, "u": u}


@wrong("fades after the comparison", "You compare first and let the winner fade: the newest gradient should "
       "enter u in full, or the first step is 1/beta2 times too long.")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    u = beta2 * np.maximum(state["u"], np.abs(g) + eps)
    return w - lr / (1 - beta1**t) * m / u, {"t": t, "m": m, "u": u}


@wrong("one maximum for all", "You take one maximum over all coordinates (np.max): each coordinate has a u "
       "of its own, and np.maximum compares elementwise.")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.full(np.shape(w), max(np.max(beta2 * state["u"]), np.max(np.abs(g)) + eps))
    return w - lr / (1 - beta1**t) * m / u, {"t": t, "m": m, "u": u}


@wrong("eps beside u", "Your eps is added when dividing and not inside the maximum: in this course, as in "
       "PyTorch, it is abs(g) + eps that enters u, so that u itself is never zero.")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.maximum(beta2 * state["u"], np.abs(g))
    return w - lr / (1 - beta1**t) * m / (u + eps), {"t": t, "m": m, "u": u}


@wrong("no eps", "Your u has no eps: where a gradient has always been zero u is 0, and the step 0/0 is not a "
       "number.")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.maximum(beta2 * state["u"], np.abs(g))
    with np.errstate(all="ignore"):
        return w - lr / (1 - beta1**t) * m / u, {"t": t, "m": m, "u": u}


@wrong("takes the root of u", "You take the root of u: u is the size of a gradient already, and not a "
       "square.")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.maximum(beta2 * state["u"], np.abs(g) + eps)
    return w - lr / (1 - beta1**t) * m / np.sqrt(u), {"t": t, "m": m, "u": u}


@wrong("Adam's default lr", "Your default learning rate is Adam's 0.001; AdaMax's is 0.002, in the paper and "
       "here.")
def adamax_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.maximum(beta2 * state["u"], np.abs(g) + eps)
    return w - lr / (1 - beta1**t) * m / u, {"t": t, "m": m, "u": u}


@wrong("returns the point alone", "Your step returns the point alone, and t, m and u are lost: return the "
       "new w and a dict with the new 't', 'm' and 'u'.")
def adamax_step(w, g, state, lr=0.002, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    u = np.maximum(beta2 * state["u"], np.abs(g) + eps)
    return w - lr / (1 - beta1**t) * m / u


# --- amsgrad_step -------------------------------------------------------------------------------------------


@right("where")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = (1 - beta1) * g + beta1 * state["m"]
    v = (1 - beta2) * np.multiply(g, g) + beta2 * state["v"]
    v_max = np.where(v > state["v_max"], v, state["v_max"])
    root = np.sqrt(v_max) / np.sqrt(1 - beta2**t)
    return w - (lr / (1 - beta1**t)) * (m / (root + eps)), {"v_max": v_max, "v": v, "m": m, "t": t}


@right("one number at a time")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t, new = state["t"] + 1, {key: np.array(state[key], dtype=float) for key in ("m", "v", "v_max")}
    moved = np.array(w, dtype=float)
    for i in np.ndindex(moved.shape):
        new["m"][i] += (1 - beta1) * (g[i] - new["m"][i])
        new["v"][i] += (1 - beta2) * (g[i] * g[i] - new["v"][i])
        new["v_max"][i] = max(new["v_max"][i], new["v"][i])
        size = math.sqrt(new["v_max"][i] / (1 - beta2**t)) + eps
        moved[i] -= lr * new["m"][i] / (1 - beta1**t) / size
    return moved, {"t": t, **new}


@wrong("plain Adam", "You keep v_max and divide by v: that is Adam, which forgets its large gradients. It is "
       "the record that divides.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    v_max = np.maximum(state["v_max"], v)
    w = w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w, {"t": t, "m": m, "v": v, "v_max": v_max}


@wrong("maximum of corrected v", "You take the maximum over corrected values of v: the first corrections are "
       "large, so the record of the first steps would stand for ever. Compare v itself, and correct the "
       "maximum.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    v_max = np.maximum(state["v_max"], v / (1 - beta2**t))
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max) + eps), {"t": t, "m": m, "v": v, "v_max": v_max}


@wrong("no bias correction", "Your step has no bias correction, as in Reddi's paper: here m is divided by 1 "
       "- beta1^t and v_max by 1 - beta2^t, as in Adam, after the maximum.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    v_max = np.maximum(state["v_max"], v)
    return w - lr * m / (np.sqrt(v_max) + eps), {"t": state["t"] + 1, "m": m, "v": v, "v_max": v_max}


@wrong("corrects m only", "You correct m and not the maximum: v_max was built from averages that started at "
       "zero, so it is divided by 1 - beta2^t before its root is taken.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    v_max = np.maximum(state["v_max"], v)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max) + eps), {"t": t, "m": m, "v": v, "v_max": v_max}


@wrong("maximum goes into v", "You put the maximum into v, so that v itself never decays and each new square "
       "is averaged with a record: keep the two apart.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = np.maximum(state["v_max"], beta2 * state["v"] + (1 - beta2) * g**2)
    w = w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w, {"t": t, "m": m, "v": v, "v_max": v.copy()}


@wrong("keeps no record", "You compare v with the previous v and not with the record: after two small "
       "gradients the outlier is forgotten. The old v_max comes in the state.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    v_max = np.maximum(state["v"], v)
    w = w - lr * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps)
    return w, {"t": t, "m": m, "v": v, "v_max": v_max}


@wrong("record of squared gradients", "Your record is of single squared gradients: v_max is the largest "
       "average v there has been, and with the default beta2 that is far smaller than the largest square.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    v_max = np.maximum(state["v_max"], g**2)
    w = w - lr * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps)
    return w, {"t": t, "m": m, "v": v, "v_max": v_max}


@wrong("does not return the record", "You use the maximum and return the old v_max: the next step does not "
       "know of this one's record.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    v_max = np.maximum(state["v_max"], v)
    w = w - lr * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps)
    return w, {"t": t, "m": m, "v": v, "v_max": state["v_max"].copy()}


@wrong("eps inside the root", "Your eps stands inside the root; as in Adam it is added outside, sqrt(v_hat) "
       "+ eps, where gradients much larger than eps never feel it.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    v_max = np.maximum(state["v_max"], v)
    w = w - lr * m / (1 - beta1**t) / np.sqrt(v_max / (1 - beta2**t) + eps)
    return w, {"t": t, "m": m, "v": v, "v_max": v_max}


@wrong("writes into the state", "np.maximum(..., out=state['v_max']), or another assignment into the state, "
       "changes the caller's record in place: return a new array in a new dict.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    state["v_max"] = np.maximum(state["v_max"], v)
    w = w - lr * m / (1 - beta1**t) / (np.sqrt(state["v_max"] / (1 - beta2**t)) + eps)
    return w, {"t": t, "m": m, "v": v, "v_max": state["v_max"].copy()}


@wrong("returns the point alone", "Your step returns the point alone, and the record is lost with the rest: "
       "return the new w and a dict with the new 't', 'm', 'v' and 'v_max'.")
def amsgrad_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    v_max = np.maximum(state["v_max"], v)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps)


# --- nadam_step ---------------------------------------------------------------------------------------------


@right("look-ahead as an average")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = state["m"] + (1 - beta1) * (g - state["m"])
    v = state["v"] + (1 - beta2) * (np.square(g) - state["v"])
    ahead, now = m / (1 - beta1 ** (t + 1)), g / (1 - beta1**t)
    look = beta1 * (ahead - now) + now
    return w - look * lr / (np.sqrt(v / (1 - beta2**t)) + eps), {"v": v, "m": m, "t": t}


@right("one number at a time")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t, new = state["t"] + 1, np.array(w, dtype=float)
    m, v = np.array(state["m"], dtype=float), np.array(state["v"], dtype=float)
    c1, c2, c3 = 1 - beta1**t, 1 - beta2**t, 1 - beta1 * beta1**t
    for i in np.ndindex(new.shape):
        m[i] = (1 - beta1) * g[i] + beta1 * m[i]
        v[i] = (1 - beta2) * (g[i] * g[i]) + beta2 * v[i]
        new[i] -= lr * (beta1 * m[i] / c3 + (1 - beta1) * g[i] / c1) / (math.sqrt(v[i]) / math.sqrt(c2) + eps)
    return new, {"t": t, "m": m, "v": v}


@wrong("plain Adam", "This is Adam: the look-ahead is missing. Nadam uses beta1 times the coming average "
       "plus 1 - beta1 times the gradient in the place of m_hat.")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), {"t": t, "m": m, "v": v}


@wrong("one exponent for both terms", "You correct both terms with 1 - beta1^t, as many summaries print it: "
       "the first term stands for the next step's average, and its correction is 1 - beta1^(t+1).")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    look = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
    return w - lr * look / (np.sqrt(v / (1 - beta2**t)) + eps), {"t": t, "m": m, "v": v}


@wrong("next step's exponent for both", "You correct both terms with 1 - beta1^(t+1): the gradient belongs "
       "to this step, and its correction is 1 - beta1^t.")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    look = (beta1 * m + (1 - beta1) * g) / (1 - beta1 ** (t + 1))
    return w - lr * look / (np.sqrt(v / (1 - beta2**t)) + eps), {"t": t, "m": m, "v": v}


@wrong("exponents exchanged", "Your two corrections are exchanged: the average stands for the next step and "
       "has exponent t + 1, the gradient for this one and has t.")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    look = beta1 * m / (1 - beta1**t) + (1 - beta1) * g / (1 - beta1 ** (t + 1))
    return w - lr * look / (np.sqrt(v / (1 - beta2**t)) + eps), {"t": t, "m": m, "v": v}


@wrong("looks ahead from the old average", "Your look-ahead starts from the average before this step: beta1 "
       "m_old + (1 - beta1) g is just the new m, and nothing is looked ahead. Update m first.")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    look = beta1 * state["m"] / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)
    return w - lr * look / (np.sqrt(v / (1 - beta2**t)) + eps), {"t": t, "m": m, "v": v}


@wrong("no bias correction", "Your two terms are not corrected at all: m and v started at zero, and at the "
       "default betas the first steps come out several times too long.")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    look = beta1 * m + (1 - beta1) * g
    return w - lr * look / (np.sqrt(v) + eps), {"t": state["t"] + 1, "m": m, "v": v}


@wrong("extra beta2", "Your v_hat has a factor beta2, as in one printing of Dozat's algorithm: nothing is "
       "looked ahead in v, and v_hat is v / (1 - beta2^t).")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    look = beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)
    return w - lr * look / (np.sqrt(beta2 * v / (1 - beta2**t)) + eps), {"t": t, "m": m, "v": v}


@wrong("stores the look-ahead", "You put the look-ahead into the state as m: it is for this step only, and "
       "the next average starts from m itself.")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    look = beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)
    return w - lr * look / (np.sqrt(v / (1 - beta2**t)) + eps), {"t": t, "m": look, "v": v}


@wrong("counts from zero", "Your exponents count the steps before this one: at the first step 1 - beta1^0 is "
       "0, and the step is not a number. Count this step first, then use t and t + 1.")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"]
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    with np.errstate(all="ignore"):
        look = beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / np.float64(1 - beta1**t)
        return w - lr * look / (np.sqrt(v / np.float64(1 - beta2**t)) + eps), {"t": t + 1, "m": m, "v": v}


@wrong("PyTorch's schedule", "This is the NAdam that PyTorch has, with a momentum that changes from step to "
       "step (0.96^(0.004 t)): here beta1 is constant, and the corrections are 1 - beta1^(t+1) and 1 - "
       "beta1^t.")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    mu = [beta1 * (1 - 0.5 * 0.96 ** (k * 0.004)) for k in range(1, t + 2)]
    now, ahead = math.prod(mu[:-1]), math.prod(mu)
    look = (1 - mu[-2]) * g / (1 - now) + mu[-1] * m / (1 - ahead)
    return w - lr * look / (np.sqrt(v / (1 - beta2**t)) + eps), {"t": t, "m": m, "v": v}


@wrong("returns the point alone", "Your step returns the point alone, and the averages are lost: return the "
       "new w and a dict with the new 't', 'm' and 'v', as in Adam.")
def nadam_step(w, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g**2
    look = beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)
    return w - lr * look / (np.sqrt(v / (1 - beta2**t)) + eps)


# --- questions ----------------------------------------------------------------------------------------------

catalogue.wrong_answer("answer_1", "a", "That is plain gradient descent: its step is proportional to the "
                       "gradient. Adam divides the average gradient by a root mean square of gradients; what "
                       "does the factor do to each?")
catalogue.wrong_answer("answer_1", "c", "Adam divides by larger gradients, and what it divides is larger "
                       "too: look at the numerator as well.")
catalogue.wrong_answer("answer_1", "d", "A factor on the loss adds no information: every gradient of every "
                       "example is multiplied alike, signal and noise.")
catalogue.wrong_answer("answer_2", "a", "You looked at the numerator alone: the denominator starts from zero "
                       "too, and is short by another factor.")
catalogue.wrong_answer("answer_2", "b", "Both are biased towards zero, but not by the same factor: compare 1 "
                       "- beta1 with the root of 1 - beta2.")
catalogue.wrong_answer("answer_2", "c", "A thousandth of the square divides only after its root has been "
                       "taken, and the numerator is short as well.")
catalogue.wrong_answer("answer_3", "b", "That is a constant rate: AdaGrad's step at time t is divided by the "
                       "root of t equal squares.")
catalogue.wrong_answer("answer_3", "c", "The rate tends to zero, but slowly: add up 1/sqrt(t) and see "
                       "whether the sum is bounded.")
catalogue.wrong_answer("answer_3", "d", "The gradient is divided by a root of the sum of its own squares: "
                       "see what is left of its size.")
catalogue.wrong_answer("answer_4", "a", "The same number is not the same learning rate: one multiplies a "
                       "gradient, the other a gradient divided by its own size.")
catalogue.wrong_answer("answer_4", "b", "More seeds tell chance from effect, but both runs may still stand "
                       "far from their own best rates.")
catalogue.wrong_answer("answer_4", "d", "Adam adapts the rates of parameters to each other; the eta in front "
                       "of them all is still yours to tune.")
