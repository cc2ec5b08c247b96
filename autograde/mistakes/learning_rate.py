"""Topic 02: mistakes with the optimal learning rate, and right answers written otherwise."""

import math

import numpy as np

from autograde.mistakes import Catalogue

catalogue = Catalogue("02_learning_rate", sections={
    "second_derivative": "Fit a parabola where you stand",
    "optimal_lr": "Fit a parabola where you stand",
    "newton_step": "Newton's step",
    "optimal_lr_per_direction": "One rate for many directions",
    "best_fixed_lr": "Balance the two ends",
    "contraction_factor": "Balance the two ends",
    "steps_to_tolerance": "The best single rate makes both ends equally slow",
    "line_search_step": "Search along the gradient",
    "backtracking_lr": "Backtracking: stop when it is good enough",
    "answer_1": "Newton asks for the vertex, not for the minimum",
    "answer_2": "Balance the two ends",
    "answer_3": "Why nobody uses Newton's method",
    "answer_4": "Exact line search zigzags",
})
wrong, right = catalogue.wrong, catalogue.right


# --- second_derivative -------------------------------------------------------------------------------------------


@right("difference of slopes")
def second_derivative(f, x, h=1e-4):
    right_slope = (f(x + h) - f(x)) / h
    left_slope = (f(x) - f(x - h)) / h
    return (right_slope - left_slope) / h


@right("weights")
def second_derivative(f, x, h=1e-4):
    values = np.array([f(x + k * h) for k in (-1, 0, 1)], dtype=float)
    return np.dot([1.0, -2.0, 1.0], values) / h / h


@wrong("divides by h", "You divide by h once. The bend h^2 f'' is quadratic in h, so with one h your result "
       "goes to 0 as h does.")
def second_derivative(f, x, h=1e-4):
    return (f(x + h) - 2 * f(x) + f(x - h)) / h


@wrong("first derivative", "This is the central difference for the slope f', (f(x + h) - f(x - h)) / 2h: the "
       "curvature compares the slope on the right with the slope on the left.")
def second_derivative(f, x, h=1e-4):
    return (f(x + h) - f(x - h)) / (2 * h)


@wrong("forward difference", "Your three points are x, x + h and x + 2h: that is the curvature at x + h, and "
       "at x it is off by h f'''. Put one neighbour on either side.")
def second_derivative(f, x, h=1e-4):
    return (f(x + 2 * h) - 2 * f(x + h) + f(x)) / h**2


@wrong("f(x) once", "You take f(x) away once: its two neighbours bring f(x) in twice, and the one left over, "
       "divided by h^2, swamps the curvature.")
def second_derivative(f, x, h=1e-4):
    return (f(x + h) - f(x) + f(x - h)) / h**2


@wrong("divides by (2h)^2", "You divide by (2h)^2, as if the neighbours were 2h from x: your curvature is a "
       "quarter of what it should be.")
def second_derivative(f, x, h=1e-4):
    return (f(x + h) - 2 * f(x) + f(x - h)) / (2 * h) ** 2


@wrong("h of its own", "Your function uses an h of its own and not the one it is given: the caller has "
       "reasons for choosing it, such as noise in f.")
def second_derivative(f, x, h=1e-4):
    h = 1e-4
    return (f(x + h) - 2 * f(x) + f(x - h)) / h**2


@wrong("smaller default", "Your default h is smaller than 1e-4. Smaller is not more exact here: rounding "
       "errors of 1e-16 are divided by h^2, and at h = 1e-6 only four digits are left.")
def second_derivative(f, x, h=1e-6):
    return (f(x + h) - 2 * f(x) + f(x - h)) / h**2


@wrong("sign turned", "Your sign is turned: where f bends upwards, the neighbours lie above the middle and "
       "the second derivative is positive.")
def second_derivative(f, x, h=1e-4):
    return (2 * f(x) - f(x + h) - f(x - h)) / h**2


# --- optimal_lr --------------------------------------------------------------------------------------------------


@right("power")
def optimal_lr(curvature):
    if curvature <= 0:
        raise ValueError("no minimum")
    return float(curvature) ** -1


@right("through an array")
def optimal_lr(curvature):
    value = np.asarray(curvature, dtype=np.float64)
    if not np.all(value > 0):
        raise ValueError("the curvature must be positive, else there is no minimum")
    return np.reciprocal(value)[()]


@wrong("limit of stability", "2/curvature is the limit of stability: a step of that rate lands as far from "
       "the minimum as it started, on the other side. The best rate is half of it.")
def optimal_lr(curvature):
    if not curvature > 0:
        raise ValueError("the curvature must be positive")
    return 2 / curvature


@wrong("no check", "Your function gives a rate where the curvature is negative: there the parabola is a "
       "hill, with no minimum to step to and no best rate. Raise ValueError, also for 0.")
def optimal_lr(curvature):
    return 1 / curvature


@wrong("lets zero pass", "Your check refuses negative curvatures and lets 0 pass: on a straight line no step "
       "is the best, and 1/0 is no ValueError.")
def optimal_lr(curvature):
    if curvature < 0:
        raise ValueError("the curvature must be positive")
    return 1 / curvature


@wrong("refuses zero only", "Your check refuses 0 and lets negative curvatures pass: there the parabola "
       "opens downwards and has no minimum.")
def optimal_lr(curvature):
    if curvature == 0:
        raise ValueError("the curvature must not be 0")
    return 1 / curvature


@wrong("zero instead of an error", "You return a number where there is no best rate: with 0 training would "
       "stand still, with inf it would blow up, and nobody would learn why. Raise ValueError.")
def optimal_lr(curvature):
    return 1 / curvature if curvature > 0 else 0.0


@wrong("integer division", "`//` cuts the fraction off: the best rate at curvature 4 is a quarter, and yours "
       "is 0.")
def optimal_lr(curvature):
    if not curvature > 0:
        raise ValueError("the curvature must be positive")
    return 1 // curvature


@wrong("curvature itself", "You return the curvature: the steeper the parabola, the smaller the rate has to "
       "be, so it is 1 over the curvature.")
def optimal_lr(curvature):
    if not curvature > 0:
        raise ValueError("the curvature must be positive")
    return float(curvature)


# --- newton_step -------------------------------------------------------------------------------------------------


@right("inverse")
def newton_step(x, gradient, hessian):
    return np.array(x, dtype=float) - np.linalg.inv(hessian) @ gradient


@right("eigenvectors")
def newton_step(x, gradient, hessian):
    values, vectors = np.linalg.eigh(hessian)
    return x - vectors @ ((vectors.T @ gradient) / values)


@right("elimination by hand")
def newton_step(x, gradient, hessian):
    M = np.column_stack([np.asarray(hessian, dtype=float), np.asarray(gradient, dtype=float)])
    d = len(x)
    for k in range(d):
        pivot = k + int(np.argmax(np.abs(M[k:, k])))
        M[[k, pivot]] = M[[pivot, k]]
        M[k] /= M[k, k]
        for i in range(d):
            if i != k:
                M[i] -= M[i, k] * M[k]
    return np.array([x[i] - M[i, -1] for i in range(d)])


@wrong("adds the step", "You add H^{-1} g: the step is subtracted, as every gradient step is, and yours "
       "doubles the distance to the minimum of a quadratic.")
def newton_step(x, gradient, hessian):
    return x + np.linalg.solve(hessian, gradient)


@wrong("the step alone", "You return the step H^{-1} g and not the point it leads to: x - H^{-1} g.")
def newton_step(x, gradient, hessian):
    return np.linalg.solve(hessian, gradient)


@wrong("diagonal only", "You divide by the diagonal of H, which ignores how the coordinates act on each "
       "other: it is Newton's step only where H is diagonal.")
def newton_step(x, gradient, hessian):
    return x - gradient / np.diag(hessian)


@wrong("divides by the matrix", "`gradient / hessian` divides entry by entry and gives a matrix: dividing by "
       "a Hessian means solving H s = g.")
def newton_step(x, gradient, hessian):
    with np.errstate(divide="ignore", invalid="ignore"):
        return x - gradient / hessian


@wrong("multiplies by H", "You multiply by the Hessian: steep directions then get the longest steps. Newton "
       "divides by the curvature, so solve H s = g.")
def newton_step(x, gradient, hessian):
    return x - hessian @ gradient


@wrong("one rate for all", "You take a gradient step with the rate 1 over the largest curvature: Newton "
       "gives each direction its own rate.")
def newton_step(x, gradient, hessian):
    return x - gradient / np.max(np.abs(np.linalg.eigvalsh(hessian)))


@wrong("sizes of the curvatures", "You take the curvatures' sizes, so that negative ones lead downhill: "
       "useful (it is called saddle-free Newton), and not Newton's step, which goes to the critical point.")
def newton_step(x, gradient, hessian):
    values, vectors = np.linalg.eigh(hessian)
    return x - vectors @ ((vectors.T @ gradient) / np.abs(values))


@wrong("writes into x", "`x -= ...` moves the caller's x as well, and fails where x holds integers: make a "
       "new array, x - step.")
def newton_step(x, gradient, hessian):
    x -= np.linalg.solve(hessian, gradient)
    return x


# --- optimal_lr_per_direction ------------------------------------------------------------------------------------


@right("loop over sorted eigenvalues")
def optimal_lr_per_direction(A):
    return np.array([1.0 / value for value in sorted(np.linalg.eigvals(A).real)])


@right("singular values")
def optimal_lr_per_direction(A):
    return (1 / np.linalg.svd(A)[1])[::-1].copy()


@right("eigenvalues of the inverse")
def optimal_lr_per_direction(A):
    return np.flip(np.linalg.eigvalsh(np.linalg.inv(A)))


@wrong("rates ascending", "Your rates ascend: the order is that of ascending eigenvalues, and the smallest "
       "eigenvalue has the largest rate.")
def optimal_lr_per_direction(A):
    return np.sort(1 / np.linalg.eigvalsh(A))


@wrong("the diagonal", "The diagonal of A holds the curvatures along the axes; the directions that do not "
       "disturb each other are eigenvectors, so use eigenvalues.")
def optimal_lr_per_direction(A):
    return 1 / np.sort(np.diag(A))


@wrong("unsorted eigenvalues", "np.linalg.eig gives eigenvalues in no particular order: sort them, or use "
       "eigvalsh, which knows that A is symmetric.")
def optimal_lr_per_direction(A):
    return 1 / np.linalg.eig(A)[0].real


@wrong("limits of stability", "2/lambda_i is where direction i would start to diverge: its best rate is half "
       "of that.")
def optimal_lr_per_direction(A):
    return 2 / np.linalg.eigvalsh(A)


@wrong("eigenvalues", "You return the curvatures: the best rate along each direction is 1 over its "
       "curvature.")
def optimal_lr_per_direction(A):
    return np.linalg.eigvalsh(A)


@wrong("one rate", "You give every direction the best rate of the steepest: here each direction is asked for "
       "its own.")
def optimal_lr_per_direction(A):
    values = np.linalg.eigvalsh(A)
    return np.full(len(values), 1 / values[-1])


# --- best_fixed_lr -----------------------------------------------------------------------------------------------


@right("mean of the ends")
def best_fixed_lr(A):
    values = np.linalg.eigvals(A).real
    return 1.0 / np.mean([min(values), max(values)])


@right("norms")
def best_fixed_lr(A):
    steepest = np.linalg.norm(A, 2)
    shallowest = 1 / np.linalg.norm(np.linalg.inv(A), 2)
    return float(2 / (steepest + shallowest))


@wrong("best rate of the steepest", "1/lambda_max solves the steepest direction in one step and leaves the "
       "shallow one waiting: a larger rate lets the steep one overshoot a little, and gains about twice the "
       "speed.")
def best_fixed_lr(A):
    return 1 / np.linalg.eigvalsh(A)[-1]


@wrong("limit of stability", "2/lambda_max is the limit of stability: the steepest direction bounces there "
       "for ever.")
def best_fixed_lr(A):
    return 2 / np.linalg.eigvalsh(A)[-1]


@wrong("without the 2", "1/(lambda_min + lambda_max) is half the best rate: the middle of the two ends is "
       "their sum over 2.")
def best_fixed_lr(A):
    values = np.linalg.eigvalsh(A)
    return 1 / (values[0] + values[-1])


@wrong("mean curvature", "You take 1 over the mean of all curvatures: how many directions lie between the "
       "ends does not matter, only the ends do, because one of them is always the slowest.")
def best_fixed_lr(A):
    return len(A) / np.trace(A)


@wrong("mean of the rates", "You average the best rates of the two ends: the shallow direction's is so large "
       "that the steep one diverges. Average the curvatures and then divide.")
def best_fixed_lr(A):
    values = np.linalg.eigvalsh(A)
    return (1 / values[0] + 1 / values[-1]) / 2


@wrong("geometric mean", "You take the geometric mean of the two ends: the factors 1 - lr lambda are linear "
       "in lambda, so they have the same size at the rate of the arithmetic mean.")
def best_fixed_lr(A):
    values = np.linalg.eigvalsh(A)
    return 1 / np.sqrt(values[0] * values[-1])


@wrong("the diagonal", "The largest and smallest entries on the diagonal are not the ends of the spectrum, "
       "unless A is diagonal: use eigenvalues.")
def best_fixed_lr(A):
    return 2 / (np.min(np.diag(A)) + np.max(np.diag(A)))


# --- contraction_factor ------------------------------------------------------------------------------------------


@right("two ends")
def contraction_factor(A, lr):
    values = np.linalg.eigvalsh(A)
    return max(abs(1 - lr * values[0]), abs(1 - lr * values[-1]))


@right("norm of the iteration")
def contraction_factor(A, lr):
    return float(np.linalg.norm(np.eye(A.shape[0]) - lr * A, ord=2))


@right("loop")
def contraction_factor(A, lr):
    worst = 0.0
    for value in np.linalg.eig(A)[0]:
        size = abs(1.0 - lr * float(value.real))
        if size > worst:
            worst = size
    return worst


@wrong("no absolute value", "You take the largest factor with its sign: a factor of -0.9 shrinks as slowly "
       "as 0.9, and one of -3 diverges, though it is the smallest number of all.")
def contraction_factor(A, lr):
    return np.max(1 - lr * np.linalg.eigvalsh(A))


@wrong("steepest only", "You look at the steepest direction alone: at a small rate it is solved soon, and "
       "the shallow one is what takes the time.")
def contraction_factor(A, lr):
    return abs(1 - lr * np.linalg.eigvalsh(A)[-1])


@wrong("shallowest only", "Yours is the factor of the shallowest direction, as is abs(max(1 - lr lambda)): "
       "at a large rate the steepest one bounces, and may be slower or diverge. Take absolute values first.")
def contraction_factor(A, lr):
    return abs(1 - lr * np.linalg.eigvalsh(A)[0])


@wrong("of the loss", "Yours is the square: that is by how much the loss shrinks, and the contraction is "
       "that of the distance to the minimum.")
def contraction_factor(A, lr):
    return np.max((1 - lr * np.linalg.eigvalsh(A)) ** 2)


@wrong("fastest direction", "You take the smallest factor, which belongs to the fastest direction: what is "
       "left after many steps is the slowest.")
def contraction_factor(A, lr):
    return np.min(np.abs(1 - lr * np.linalg.eigvalsh(A)))


@wrong("that of the best rate", "(kappa - 1)/(kappa + 1) is the contraction at the best rate only, and you "
       "were given another one: use lr.")
def contraction_factor(A, lr):
    values = np.linalg.eigvalsh(A)
    return (values[-1] - values[0]) / (values[-1] + values[0])


@wrong("the diagonal", "The diagonal of A is not its spectrum, unless A is diagonal: the factors belong to "
       "eigenvectors.")
def contraction_factor(A, lr):
    return np.max(np.abs(1 - lr * np.diag(A)))


@wrong("Frobenius norm", "np.linalg.norm of a matrix adds the squares of all factors (the Frobenius norm): "
       "the slowest direction is the largest of them, norm(..., 2).")
def contraction_factor(A, lr):
    return np.linalg.norm(np.eye(len(A)) - lr * A)


# --- steps_to_tolerance ------------------------------------------------------------------------------------------


@right("multiplies until it is small")
def steps_to_tolerance(A, lr, tol):
    q = max(abs(1 - lr * value) for value in np.linalg.eigvalsh(A))
    if q >= 1:
        return float("inf")
    k, left = 1, q
    while left > tol:
        left *= q
        k += 1
    return k


@right("other base, rounded up by hand")
def steps_to_tolerance(A, lr, tol):
    q = np.linalg.norm(np.eye(len(A)) - lr * A, 2)
    if q == 0.0:
        return np.int64(1)
    if not q < 1:
        return np.inf
    k = int(np.log2(tol) / np.log2(q))
    return k if k > 0 and q**k <= tol else k + 1


@wrong("rounds down", "You round down: after that many steps the error is still above the tolerance.")
def steps_to_tolerance(A, lr, tol):
    q = np.max(np.abs(1 - lr * np.linalg.eigvalsh(A)))
    if q >= 1:
        return math.inf
    if q == 0:
        return 1
    return int(math.log(tol) / math.log(q))


@wrong("rounds to the nearest", "You round to the nearest number: in half of all cases that is one step too "
       "few.")
def steps_to_tolerance(A, lr, tol):
    q = np.max(np.abs(1 - lr * np.linalg.eigvalsh(A)))
    if q >= 1:
        return math.inf
    if q == 0:
        return 1
    return max(1, round(math.log(tol) / math.log(q)))


@wrong("one more for safety", "You round down and add one, which is a step too many where q^k is exactly "
       "tol: at most tol includes tol itself.")
def steps_to_tolerance(A, lr, tol):
    q = np.max(np.abs(1 - lr * np.linalg.eigvalsh(A)))
    if q >= 1:
        return math.inf
    if q == 0:
        return 1
    return math.floor(math.log(tol) / math.log(q)) + 1


@wrong("steps of the loss", "You count how many steps the loss needs: it shrinks by q^2 at each, and half as "
       "many are enough for it. Here the error itself has to shrink.")
def steps_to_tolerance(A, lr, tol):
    q = np.max((1 - lr * np.linalg.eigvalsh(A)) ** 2)
    if q >= 1:
        return math.inf
    if q == 0:
        return 1
    return math.ceil(math.log(tol) / math.log(q))


@wrong("rate that diverges", "You do not ask whether the rate converges at all: with q > 1 the two "
       "logarithms have different signs and your number is negative or 0. No number of steps is enough: "
       "math.inf.")
def steps_to_tolerance(A, lr, tol):
    q = np.max(np.abs(1 - lr * np.linalg.eigvalsh(A)))
    if q == 0:
        return 1
    if q == 1:
        return math.inf
    return math.ceil(math.log(tol) / math.log(q))


@wrong("bounce forgotten", "With q exactly 1 the error keeps its size for ever, and log(1) = 0 cannot be "
       "divided by: that case is math.inf too.")
def steps_to_tolerance(A, lr, tol):
    q = np.max(np.abs(1 - lr * np.linalg.eigvalsh(A)))
    if q > 1:
        return math.inf
    if q == 0:
        return 1
    return math.ceil(math.log(tol) / math.log(q))


@wrong("perfect rate forgotten", "Where q is 0 one step ends every error, and log(0) does not exist: return "
       "1 before you take logarithms.")
def steps_to_tolerance(A, lr, tol):
    q = float(np.max(np.abs(1 - lr * np.linalg.eigvalsh(A))))
    if q >= 1:
        return math.inf
    return math.ceil(math.log(tol) / math.log(q))


@wrong("perfect rate takes no step", "Where q is 0 your answer is 0 steps: with no step the whole error is "
       "still there, because q^0 is 1. It takes 1.")
def steps_to_tolerance(A, lr, tol):
    q = np.max(np.abs(1 - lr * np.linalg.eigvalsh(A)))
    if q >= 1:
        return math.inf
    if q == 0:
        return 0
    return math.ceil(math.log(tol) / math.log(q))


@wrong("float", "np.ceil returns a float, and a number of steps is an int: range(k) would refuse yours. Use "
       "math.ceil, or int().")
def steps_to_tolerance(A, lr, tol):
    q = np.max(np.abs(1 - lr * np.linalg.eigvalsh(A)))
    if q >= 1:
        return math.inf
    if q == 0:
        return 1
    return np.ceil(np.log(tol) / np.log(q))


@wrong("at the best rate", "You count with (kappa - 1)/(kappa + 1), the contraction at the best rate: "
       "another rate, lr, was given.")
def steps_to_tolerance(A, lr, tol):
    values = np.linalg.eigvalsh(A)
    q = (values[-1] - values[0]) / (values[-1] + values[0])
    if np.max(np.abs(1 - lr * values)) >= 1:
        return math.inf
    if q == 0:
        return 1
    return math.ceil(math.log(tol) / math.log(q))


@wrong("shallow direction only", "You follow the shallowest direction alone: where the steepest bounces or "
       "diverges, it decides.")
def steps_to_tolerance(A, lr, tol):
    q = abs(1 - lr * np.linalg.eigvalsh(A)[0])
    if q >= 1:
        return math.inf
    if q == 0:
        return 1
    return math.ceil(math.log(tol) / math.log(q))


# --- line_search_step --------------------------------------------------------------------------------------------


@right("argmin over all candidates")
def line_search_step(f, gradient, x, lrs):
    rates = np.concatenate([[0.0], np.asarray(lrs, dtype=float)])
    points = x - rates[:, None] * gradient
    losses = np.array([f(point) for point in points], dtype=float)
    losses[1:][~np.isfinite(losses[1:])] = np.inf
    best = int(np.argmin(losses))
    return points[best].copy(), rates[best]


@right("sorts candidates")
def line_search_step(f, gradient, x, lrs):
    ranked = [(f(x), 0, 0.0)]
    for number, lr in enumerate(lrs, start=1):
        loss = f(x - lr * gradient)
        if -np.inf < loss < np.inf:
            ranked.append((loss, number, lr))
    _, _, lr = min(ranked)
    return [np.asarray(x - lr * gradient, dtype=np.float64), float(lr)]


@wrong("moves even if it is worse", "You take the best candidate even if it is worse than x itself: a line "
       "search that can raise the loss is none. Not moving, with the rate 0, is a candidate too.")
def line_search_step(f, gradient, x, lrs):
    best, best_lr, lowest = np.array(x, dtype=float), 0.0, math.inf
    for lr in lrs:
        candidate = x - lr * gradient
        loss = f(candidate)
        if math.isfinite(loss) and loss < lowest:
            best, best_lr, lowest = candidate, float(lr), loss
    return best.astype(float), best_lr


@wrong("some large value", "You start from \"some large value\", as a slide does: a loss above it never "
       "wins, and one below it wins even if it is worse than f(x). Start from f(x).")
def line_search_step(f, gradient, x, lrs):
    best, best_lr, lowest = np.array(x, dtype=float), 0.0, 10000
    for lr in lrs:
        candidate = x - lr * gradient
        loss = f(candidate)
        if math.isfinite(loss) and loss < lowest:
            best, best_lr, lowest = candidate.astype(float), float(lr), loss
    return best, best_lr


@wrong("last on ties", "On ties you keep the last candidate, and one as bad as x replaces it: `<` keeps the "
       "first, `<=` the last.")
def line_search_step(f, gradient, x, lrs):
    best, best_lr, lowest = np.array(x, dtype=float), 0.0, f(x)
    for lr in lrs:
        candidate = np.array(x, dtype=float) - lr * gradient
        loss = f(candidate)
        if math.isfinite(loss) and loss <= lowest:
            best, best_lr, lowest = candidate, lr, loss
    return best, best_lr


@wrong("nan wins", "np.argmin takes nan for the smallest number of all, and -inf for the next: a rate that "
       "breaks the loss wins your search. Set losses that are not finite to inf first.")
def line_search_step(f, gradient, x, lrs):
    rates = [0.0, *lrs]
    losses = [f(np.asarray(x - lr * gradient, dtype=float)) for lr in rates]
    best = int(np.argmin(losses))
    return np.array(x - rates[best] * gradient, dtype=float), rates[best]


@wrong("-inf wins", "A loss of -inf wins your search: it is smaller than every number, and comes of a log(0) "
       "or an overflow. Ask for np.isfinite.")
def line_search_step(f, gradient, x, lrs):
    best, best_lr, lowest = np.array(x, dtype=float), 0.0, f(x)
    for lr in lrs:
        candidate = np.array(x, dtype=float) - lr * gradient
        loss = f(candidate)
        if loss < lowest:
            best, best_lr, lowest = candidate, lr, loss
    return best, best_lr


@wrong("uphill", "Your candidates lie along the gradient, which points uphill: subtract it.")
def line_search_step(f, gradient, x, lrs):
    best, best_lr, lowest = np.array(x, dtype=float), 0.0, f(x)
    for lr in lrs:
        candidate = np.array(x, dtype=float) + lr * gradient
        loss = f(candidate)
        if math.isfinite(loss) and loss < lowest:
            best, best_lr, lowest = candidate, lr, loss
    return best, best_lr


@wrong("candidates in a chain", "Each of your candidates starts from the one before, so the steps add up: "
       "all of them start from the same x.")
def line_search_step(f, gradient, x, lrs):
    best, best_lr, lowest = np.array(x, dtype=float), 0.0, f(x)
    candidate = best
    for lr in lrs:
        candidate = candidate - lr * gradient
        loss = f(candidate)
        if math.isfinite(loss) and loss < lowest:
            best, best_lr, lowest = candidate, lr, loss
    return best, best_lr


@wrong("first improvement", "You stop at the first rate that lowers the loss: a later one may lower it more, "
       "and the best of all was asked for.")
def line_search_step(f, gradient, x, lrs):
    start = np.array(x, dtype=float)
    here = f(start)
    for lr in lrs:
        candidate = start - lr * gradient
        loss = f(candidate)
        if math.isfinite(loss) and loss < here:
            return candidate, lr
    return start, 0.0


@wrong("asks twice", "Your choice is right, but you compute losses more than once: each is a pass through "
       "the data. Keep it in a variable.")
def line_search_step(f, gradient, x, lrs):
    best, best_lr = np.array(x, dtype=float), 0.0
    for lr in lrs:
        candidate = np.array(x, dtype=float) - lr * gradient
        if math.isfinite(f(candidate)) and f(candidate) < f(best):
            best, best_lr = candidate, lr
    return best, best_lr


@wrong("x itself", "If no candidate wins you return x itself and not a copy: who changes the result then "
       "changes x.")
def line_search_step(f, gradient, x, lrs):
    best, best_lr, lowest = x, 0.0, f(x)
    for lr in lrs:
        candidate = x - lr * gradient
        loss = f(candidate)
        if math.isfinite(loss) and loss < lowest:
            best, best_lr, lowest = candidate, lr, loss
    return best, best_lr


@wrong("copy of integers", "If x holds integers and no candidate wins, your copy holds integers too, and the "
       "next step would be cut to integers: results are float64.")
def line_search_step(f, gradient, x, lrs):
    best, best_lr, lowest = x.copy(), 0.0, f(x)
    for lr in lrs:
        candidate = x - float(lr) * gradient
        loss = f(candidate)
        if math.isfinite(loss) and loss < lowest:
            best, best_lr, lowest = candidate, lr, loss
    return best, best_lr


@wrong("loss instead of the rate", "Your second result is the loss: the rate that led there was asked for.")
def line_search_step(f, gradient, x, lrs):
    best, lowest = np.array(x, dtype=float), f(x)
    for lr in lrs:
        candidate = np.array(x, dtype=float) - lr * gradient
        loss = f(candidate)
        if math.isfinite(loss) and loss < lowest:
            best, lowest = candidate, loss
    return best, lowest


# --- backtracking_lr ---------------------------------------------------------------------------------------------


@right("powers of shrink")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    start = f(x)
    promised = float(np.sum(np.square(gradient, dtype=float)))
    k = 0
    while True:
        lr = lr0 * shrink**k
        if start - f(x - lr * gradient) >= c * lr * promised:
            return lr
        k += 1


@right("recursion")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    bar = f(x) - c * lr0 * np.dot(gradient, gradient)
    if f(x - lr0 * gradient) <= bar:
        return lr0
    return backtracking_lr(f, x, gradient, lr0 * shrink, shrink, c)


@wrong("any fall will do", "You accept any fall of the loss, however small: without c lr g.g the falls can "
       "shrink so fast that the search never arrives.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here = lr0, f(x)
    while not f(x - lr * gradient) <= here:
        lr *= shrink
    return lr


@wrong("nan passes", "Your loop goes on while the loss is too high, and a comparison with nan is False, so "
       "it stops at nan and accepts it. Go on while the condition does not hold.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0, f(x), gradient @ gradient
    while f(x - lr * gradient) > here - c * lr * slope:
        lr *= shrink
    return lr


@wrong("equality is refused", "You ask for a loss strictly below the bar: where the gradient is zero nothing "
       "ever is, and the search does not end. Equality is enough.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0, f(x), gradient @ gradient
    while not f(x - lr * gradient) < here - c * lr * slope:
        lr *= shrink
    return lr


@wrong("norm without its square", "Your bar uses the length of g and not its square: a step of lr g down a "
       "slope g falls by lr g.g.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0, f(x), np.linalg.norm(gradient)
    while not f(x - lr * gradient) <= here - c * lr * slope:
        lr *= shrink
    return lr


@wrong("bar without the rate", "Your bar f(x) - c g.g leaves the rate out: it asks the same fall of a short "
       "step as of a long one, and a short one cannot give it.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0, f(x), gradient @ gradient
    while not f(x - lr * gradient) <= here - c * slope:
        lr *= shrink
        if lr < 1e-300:
            break
    return lr


@wrong("bar of the first rate", "You compute the bar once, with lr0: as the rate shrinks, the fall that is "
       "asked for has to shrink too.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, bar = lr0, f(x) - c * lr0 * (gradient @ gradient)
    while not f(x - lr * gradient) <= bar:
        lr *= shrink
        if lr < 1e-300:
            break
    return lr


@wrong("bar above f(x)", "Your bar is f(x) + c lr g.g, which lets the loss rise: the condition asks it to "
       "fall by that much.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0, f(x), gradient @ gradient
    while not f(x - lr * gradient) <= here + c * lr * slope:
        lr *= shrink
    return lr


@wrong("shrinks once too often", "You shrink before you try: lr0 itself is the first candidate, and where it "
       "will do it is the answer.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0 * shrink, f(x), gradient @ gradient
    while not f(x - lr * gradient) <= here - c * lr * slope:
        lr *= shrink
    return lr


@wrong("gives up", "You give up after 20 rates and return one that does not meet the condition: where the "
       "curvature is large, many are needed.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0, f(x), gradient @ gradient
    for _ in range(20):
        if f(x - lr * gradient) <= here - c * lr * slope:
            break
        lr *= shrink
    return lr


@wrong("always halves", "You halve the rate whatever `shrink` says.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0, f(x), gradient @ gradient
    while not f(x - lr * gradient) <= here - c * lr * slope:
        lr = lr / 2
    return lr


@wrong("c of its own", "Your bar uses 1e-4 whatever `c` says: with a larger c the caller asks for more of "
       "the promised fall.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0, f(x), gradient @ gradient
    while not f(x - lr * gradient) <= here - 1e-4 * lr * slope:
        lr *= shrink
    return lr


@wrong("divides by shrink", "You divide by `shrink`, which is below 1: your rates grow, and the loss with "
       "them.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0, f(x), gradient @ gradient
    for _ in range(500):
        if f(x - lr * gradient) <= here - c * lr * slope:
            break
        lr /= shrink
    return lr


@wrong("larger default for c", "Your default for c is larger than 1e-4: the usual one asks for next to "
       "nothing, so that long steps are not refused for a small shortfall.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-2):
    lr, here, slope = lr0, f(x), gradient @ gradient
    while not f(x - lr * gradient) <= here - c * lr * slope:
        lr *= shrink
    return lr


@wrong("the new point", "You return the point that the rate leads to: the rate itself was asked for.")
def backtracking_lr(f, x, gradient, lr0=1.0, shrink=0.5, c=1e-4):
    lr, here, slope = lr0, f(x), gradient @ gradient
    while not f(x - lr * gradient) <= here - c * lr * slope:
        lr *= shrink
    return x - lr * gradient


# --- questions ---------------------------------------------------------------------------------------------------

catalogue.wrong_answer("answer_1", "a", "More information about the curve does not say which way is down: "
                       "put numbers with f' > 0 and f'' < 0 into x - f'/f'' and look at the sign of the "
                       "step.")
catalogue.wrong_answer("answer_1", "b", "A parabola that opens downwards has a vertex as well, its top, and "
                       "Newton's step asks for the vertex, whichever it is.")
catalogue.wrong_answer("answer_1", "d", "1/f'' keeps its sign in Newton's step; to use the size alone is "
                       "another method, made to mend this.")
catalogue.wrong_answer("answer_2", "a", "With that rate the shallowest direction keeps 8/9 of its error at "
                       "each step: a little overshooting along the steepest would cost less than that.")
catalogue.wrong_answer("answer_2", "c", "How many directions lie between the ends, and where, does not "
                       "matter: one of the two ends is always the slowest, whatever the mean is.")
catalogue.wrong_answer("answer_2", "d", "Near the limit the steepest direction bounces from side to side and "
                       "hardly shrinks at all, so it is the slow one.")
catalogue.wrong_answer("answer_3", "a", "The gradient has one entry per parameter, the Hessian one per pair "
                       "of parameters; count pairs again.")
catalogue.wrong_answer("answer_3", "b", "Right about the memory; solving a dense system costs more than "
                       "reading its matrix, because elimination goes over the matrix once per row.")
catalogue.wrong_answer("answer_3", "c", "Each cost is off by one power of N: the Hessian is a square matrix, "
                       "and elimination goes over it once per row.")
catalogue.wrong_answer("answer_4", "b", "Newton's step turns away from the gradient; a line search goes "
                       "along it, and the gradient does not point at the minimum unless all curvatures are "
                       "equal.")
catalogue.wrong_answer("answer_4", "c", "The gradients' directions are not the eigenvectors, and the next "
                       "step spoils in part what the one before had minimized; conjugate directions would "
                       "mend that.")
catalogue.wrong_answer("answer_4", "d", "The square root is what momentum gains, and what a line search "
                       "along plain gradients does not: each new direction is at right angles to the last.")
