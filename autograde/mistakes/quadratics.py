"""Topic 01: mistakes with gradient descent on quadratics, and right answers written otherwise."""

import math

import numpy as np

from autograde.mistakes import Catalogue

catalogue = Catalogue(
    "01_quadratics",
    sections={
        "quadratic": "Many parameters, one learning rate",
        "quadratic_gradient": "The eigenbasis decouples the problem",
        "gradient_descent": "Which learning rate?",
        "step_regime": "Four regimes, and a border",
        "convergence_ratios": 'How fast is "converges"?',
        "max_stable_lr": "The limit",
        "condition_number": "The price: the condition number",
        "critical_point_kind": "Critical points",
        "answer_1": "The border is 2, not 1",
        "answer_2": "One run in two coordinate systems",
        "answer_3": "R is constant, and a square",
        "answer_4": "R below 1 is not enough",
    },
)
wrong, right = catalogue.wrong, catalogue.right


# --- quadratic ---------------------------------------------------------------------------------------------------


@right("einsum")
def quadratic(A, b, c, x):
    return np.einsum("i,ij,j->", x, A, x) / 2 + np.einsum("i,i->", b, x) + c


@right("loops")
def quadratic(A, b, c, x):
    total = c
    for i in range(len(x)):
        total = total + b[i] * x[i]
        for j in range(len(x)):
            total = total + A[i, j] * x[i] * x[j] / 2
    return float(total)


@wrong(
    "without the half",
    "Your x^T A x is counted in full: the definition has x^T A x / 2, so that a parabola of "
    "curvature a is a x^2 / 2 and its second derivative is a.",
)
def quadratic(A, b, c, x):
    return x @ A @ x + b @ x + c


@wrong(
    "halves everything",
    "Your half stands before all three terms: it belongs to x^T A x alone, and b^T x and c are "
    "counted in full.",
)
def quadratic(A, b, c, x):
    return (x @ A @ x + b @ x + c) / 2


@wrong(
    "without the constant",
    "Your value leaves out c: the constant moves no minimum, but it is part of the value.",
)
def quadratic(A, b, c, x):
    return 0.5 * x @ A @ x + b @ x


@wrong(
    "without the linear term",
    "Your value leaves out b^T x, the term that moves the minimum away from the origin.",
)
def quadratic(A, b, c, x):
    return 0.5 * x @ A @ x + c


@wrong(
    "squares each coordinate",
    "You pair each x_j only with itself (A * x**2), which drops the products x_i x_j "
    "between different coordinates: use matrix products, x @ A @ x.",
)
def quadratic(A, b, c, x):
    return 0.5 * np.sum(A * x**2) + b @ x + c


# --- quadratic_gradient ------------------------------------------------------------------------------------------


@right("two products")
def quadratic_gradient(A, b, x):
    return (A @ x + x @ A) / 2.0 + b


@right("loops")
def quadratic_gradient(A, b, x):
    d = len(x)
    g = np.zeros(d)
    for k in range(d):
        for j in range(d):
            g[k] += (A[k, j] + A[j, k]) * x[j] / 2
        g[k] += b[k]
    return g


@wrong(
    "takes A for symmetric",
    "A x + b is the gradient only where A is symmetric: each x_k stands in row k and in "
    "column k of A, so the general gradient is the mean of A x and A^T x, plus b.",
)
def quadratic_gradient(A, b, x):
    return A @ x + b


@wrong(
    "columns only",
    "A^T x + b is the gradient only where A is symmetric: the rows of A have their share too, half and half.",
)
def quadratic_gradient(A, b, x):
    return A.T @ x + b


@wrong(
    "without the half",
    "(A + A^T) x counts the slope of the curved part twice: the half of x^T A x / 2 is still "
    "there after differentiating, and for a symmetric A it makes the gradient A x + b.",
)
def quadratic_gradient(A, b, x):
    return (A + A.T) @ x + b


@wrong("without b", "Your gradient leaves out b: at the origin it should be b, and yours is 0 there.")
def quadratic_gradient(A, b, x):
    return (A + A.T) @ x / 2


@wrong(
    "writes into b",
    "Your function adds to the caller's b in place (`g = b` is another name for the same array): "
    "at the next call b is no longer the b of this quadratic.",
)
def quadratic_gradient(A, b, x):
    g = b
    g += (A + A.T) @ x / 2
    return g


# --- gradient_descent --------------------------------------------------------------------------------------------


@right("stacks a list")
def gradient_descent(gradient, x0, lr, steps):
    x = np.array(x0, dtype=float)
    path = [x]
    for _ in range(steps):
        x = x - lr * gradient(x)
        path.append(x)
    return np.stack(path)


@right("recursion")
def gradient_descent(gradient, x0, lr, steps):
    x0 = np.asarray(x0, dtype=np.float64)
    if steps == 0:
        return np.array([x0])
    rest = gradient_descent(gradient, x0 - lr * np.asarray(gradient(x0)), lr, steps - 1)
    return np.vstack([x0, rest])


@wrong(
    "one array for every row",
    "`x -= ...` changes the array itself, and that array is the caller's x0: the start has "
    "moved, and rows that are the same array all show the last point. Write `x = x - ...`.",
)
def gradient_descent(gradient, x0, lr, steps):
    x = x0
    path = [x]
    for _ in range(steps):
        x -= lr * gradient(x)
        path.append(x)
    return np.array(path)


@wrong(
    "leaves out the start",
    "Your path lacks its first point: row 0 is x0 itself, before any step, so there are steps + 1 rows.",
)
def gradient_descent(gradient, x0, lr, steps):
    x, path = np.array(x0, dtype=float), []
    for _ in range(steps):
        x = x - lr * gradient(x)
        path.append(x)
    return np.array(path)


@wrong(
    "leaves out the last step",
    "Your path stops one step early: after `steps` steps there are steps + 1 points, counting the start.",
)
def gradient_descent(gradient, x0, lr, steps):
    x, path = np.array(x0, dtype=float), []
    for _ in range(steps):
        path.append(x)
        x = x - lr * gradient(x)
    return np.array(path)


@wrong(
    "stops at a small gradient",
    "Your path ends where the gradient is small: the caller asked for `steps` steps, and "
    "gets steps + 1 rows also where they hardly move.",
)
def gradient_descent(gradient, x0, lr, steps):
    path = [np.array(x0, dtype=float)]
    for _ in range(steps):
        g = gradient(path[-1])
        if np.linalg.norm(g) < 1e-6:
            break
        path.append(path[-1] - lr * g)
    return np.array(path)


@wrong("climbs", "Your steps go along the gradient, which points uphill: descent subtracts it.")
def gradient_descent(gradient, x0, lr, steps):
    path = [np.array(x0, dtype=float)]
    for _ in range(steps):
        path.append(path[-1] + lr * gradient(path[-1]))
    return np.array(path)


@wrong(
    "one gradient for all steps",
    "You ask for the gradient once, at x0, and walk on in a straight line: it changes "
    "on the way, and each step needs the gradient of the point it starts from.",
)
def gradient_descent(gradient, x0, lr, steps):
    g = gradient(x0)
    return np.array([x0 - k * lr * g for k in range(steps + 1)])


@wrong(
    "keeps the type of x0",
    "Your path has the type of x0: from a start of integers the points between are cut to "
    "integers. Make the array float64.",
)
def gradient_descent(gradient, x0, lr, steps):
    path = np.zeros((steps + 1, len(x0)), dtype=x0.dtype)
    path[0] = x0
    for k in range(steps):
        path[k + 1] = path[k] - lr * gradient(path[k])
    return path


@wrong(
    "asks once too often",
    "Your points are right, but you ask for one gradient more than there are steps: the last "
    "point needs none, and in a network each gradient is a pass through the data.",
)
def gradient_descent(gradient, x0, lr, steps):
    x, path = np.array(x0, dtype=float), []
    for _ in range(steps + 1):
        path.append(x)
        x = x - lr * gradient(x)
    return np.array(path)


# --- step_regime -------------------------------------------------------------------------------------------------


@right("by the factor")
def step_regime(lr, curvature):
    if lr <= 0 or curvature <= 0:
        raise ValueError("both must be positive")
    product = lr * curvature
    for value, word in ((1, "one-step"), (2, "bouncing")):
        if abs(product - value) <= 1e-12 * value:
            return word
    factor = 1 - product
    if abs(factor) > 1:
        return "diverging"
    return "monotone" if factor > 0 else "oscillating"


@right("by sorting")
def step_regime(lr, curvature):
    if min(lr, curvature) <= 0:
        raise ValueError(f"not positive: {lr}, {curvature}")
    best = 1.0 / curvature
    if np.isclose(lr, best, rtol=1e-12, atol=0):
        return "one-step"
    if np.isclose(lr, 2 * best, rtol=1e-12, atol=0):
        return "bouncing"
    return ("monotone", "oscillating", "diverging")[int(np.searchsorted([best, 2 * best], lr))]


@wrong(
    "diverges beyond 1/curvature",
    "You let every rate beyond 1/curvature diverge. It overshoots, but up to "
    "2/curvature it lands nearer to the minimum than it was: the error changes sign and shrinks.",
)
def step_regime(lr, curvature):
    if not (lr > 0 and curvature > 0):
        raise ValueError("lr and curvature must be positive")
    if math.isclose(lr, 1 / curvature, rel_tol=1e-12):
        return "one-step"
    return "monotone" if lr < 1 / curvature else "diverging"


@wrong(
    "no bouncing",
    "You have no name for lr = 2/curvature itself: there the factor is exactly -1, and the point goes "
    "from side to side for ever, neither nearer nor farther.",
)
def step_regime(lr, curvature):
    if not (lr > 0 and curvature > 0):
        raise ValueError("lr and curvature must be positive")
    if math.isclose(lr, 1 / curvature, rel_tol=1e-12):
        return "one-step"
    if lr < 1 / curvature:
        return "monotone"
    return "oscillating" if lr < 2 / curvature else "diverging"


@wrong(
    "exact equality",
    "You compare floating-point numbers with ==: a rate that differs from 1/curvature or "
    "2/curvature by rounding alone then falls into the wrong regime.",
)
def step_regime(lr, curvature):
    if not (lr > 0 and curvature > 0):
        raise ValueError("lr and curvature must be positive")
    if lr == 1 / curvature:
        return "one-step"
    if lr == 2 / curvature:
        return "bouncing"
    if lr < 1 / curvature:
        return "monotone"
    return "oscillating" if lr < 2 / curvature else "diverging"


@wrong(
    "default tolerance of isclose",
    "np.isclose without tolerances calls numbers equal that differ by 1e-5 of their "
    "size, or by 1e-8 in all, which at a large curvature is every rate there is: give it rtol=1e-12 and atol=0.",
)
def step_regime(lr, curvature):
    if not (lr > 0 and curvature > 0):
        raise ValueError("lr and curvature must be positive")
    if np.isclose(lr, 1 / curvature):
        return "one-step"
    if np.isclose(lr, 2 / curvature):
        return "bouncing"
    if lr < 1 / curvature:
        return "monotone"
    return "oscillating" if lr < 2 / curvature else "diverging"


@wrong(
    "accepts what is not positive",
    "Your regimes hold for positive rates on a parabola that opens upwards; for "
    "anything else there is no regime to name, and the function should raise ValueError.",
)
def step_regime(lr, curvature):
    product = lr * curvature
    if math.isclose(product, 1, rel_tol=1e-12):
        return "one-step"
    if math.isclose(product, 2, rel_tol=1e-12):
        return "bouncing"
    if product < 1:
        return "monotone"
    return "oscillating" if product < 2 else "diverging"


@wrong(
    "checks the product only",
    "You check that lr * curvature is positive, but two negative numbers pass that check: "
    "look at each of them.",
)
def step_regime(lr, curvature):
    product = lr * curvature
    if product <= 0:
        raise ValueError("lr and curvature must be positive")
    if math.isclose(product, 1, rel_tol=1e-12):
        return "one-step"
    if math.isclose(product, 2, rel_tol=1e-12):
        return "bouncing"
    if product < 1:
        return "monotone"
    return "oscillating" if product < 2 else "diverging"


# --- convergence_ratios ------------------------------------------------------------------------------------------


@right("loop")
def convergence_ratios(losses, optimum):
    return np.array([abs(losses[k + 1] - optimum) / abs(losses[k] - optimum) for k in range(len(losses) - 1)])


@right("absolute value last")
def convergence_ratios(losses, optimum):
    gaps = np.asarray(losses, dtype=float) - optimum
    return np.abs(np.divide(gaps[1:], gaps[:-1]))


@wrong(
    "upside down",
    "Your ratios are upside down: the later distance is divided by the earlier one, so that a ratio "
    "below 1 means progress.",
)
def convergence_ratios(losses, optimum):
    gaps = np.abs(losses - optimum)
    with np.errstate(divide="ignore"):
        return gaps[:-1] / gaps[1:]


@wrong(
    "forgets the optimum",
    "You divide losses and not distances to the optimum: a loss that tends to 3 would have "
    "ratios that tend to 1, however fast it converges.",
)
def convergence_ratios(losses, optimum):
    return np.abs(losses[1:]) / np.abs(losses[:-1])


@wrong(
    "no absolute value",
    "Your ratios are negative where a loss lies on the other side of the optimum: a distance is "
    "an absolute value.",
)
def convergence_ratios(losses, optimum):
    return (losses[1:] - optimum) / (losses[:-1] - optimum)


@wrong(
    "all relative to the first",
    "You compare every distance with the first one: that is the progress in all, and "
    "the ratio of convergence compares each step with the one before.",
)
def convergence_ratios(losses, optimum):
    gaps = np.abs(losses - optimum)
    return gaps[1:] / gaps[0]


@wrong(
    "ratio of steps",
    "You divide differences of successive losses: the definition measures how far each loss is "
    "from the optimum, not how far it moved.",
)
def convergence_ratios(losses, optimum):
    moves = np.abs(np.diff(losses))
    return np.append(moves[1:] / moves[:-1], abs(losses[-1] - optimum))


@wrong(
    "square root",
    "You took the square root: that is the ratio of distances in the parameter on a parabola, and "
    "this one is of losses.",
)
def convergence_ratios(losses, optimum):
    gaps = np.abs(losses - optimum)
    return np.sqrt(gaps[1:] / gaps[:-1])


# --- max_stable_lr -----------------------------------------------------------------------------------------------


@right("Cholesky")
def max_stable_lr(A):
    if A.shape[0] != A.shape[1] or not np.allclose(A, A.T):
        raise ValueError("not symmetric")
    np.linalg.cholesky(A)  # LinAlgError is a ValueError
    return float(2.0 / np.linalg.norm(A, 2))


@right("general eigenvalues")
def max_stable_lr(A):
    if np.abs(A - A.T).max() > 1e-8 * np.abs(A).max():
        raise ValueError("A is not symmetric")
    values = np.linalg.eigvals((A + A.T) / 2).real
    if any(value <= 0 for value in values):
        raise ValueError("A is not positive definite")
    return min(2 / value for value in values)


@wrong(
    "best rate and not the limit",
    "1/lambda_max is the best rate of the steepest direction: the error survives "
    "overshooting up to twice that, 2/lambda_max.",
)
def max_stable_lr(A):
    if not np.allclose(A, A.T):
        raise ValueError("A must be symmetric")
    values = np.linalg.eigvalsh(A)
    if values[0] <= 0:
        raise ValueError("A must be positive definite")
    return 1 / values[-1]


@wrong(
    "the shallow direction",
    "2/lambda_min is the limit of the shallowest direction, and the steepest has long "
    "diverged there: one rate serves all directions, so the largest eigenvalue decides.",
)
def max_stable_lr(A):
    if not np.allclose(A, A.T):
        raise ValueError("A must be symmetric")
    values = np.linalg.eigvalsh(A)
    if values[0] <= 0:
        raise ValueError("A must be positive definite")
    return 2 / values[0]


@wrong(
    "the diagonal",
    "The diagonal of A holds the curvatures along the axes, and the steepest direction lies between "
    "them: use eigenvalues.",
)
def max_stable_lr(A):
    if not np.allclose(A, A.T):
        raise ValueError("A must be symmetric")
    if np.linalg.eigvalsh(A)[0] <= 0:
        raise ValueError("A must be positive definite")
    return 2 / np.max(np.diag(A))


@wrong(
    "best fixed rate",
    "2/(lambda_min + lambda_max) is the rate that converges fastest, as lecture 02 shows; the "
    "limit of stability is 2/lambda_max.",
)
def max_stable_lr(A):
    if not np.allclose(A, A.T):
        raise ValueError("A must be symmetric")
    values = np.linalg.eigvalsh(A)
    if values[0] <= 0:
        raise ValueError("A must be positive definite")
    return 2 / (values[0] + values[-1])


@wrong(
    "no check for symmetry",
    "A matrix that is not symmetric passes unnoticed: eigvalsh reads one triangle of A and "
    "never sees the other, and a mean with A^T hides it. Check that first, and raise ValueError.",
)
def max_stable_lr(A):
    values = np.linalg.eigvalsh(A)
    if values[0] <= 0:
        raise ValueError("A must be positive definite")
    return 2 / values[-1]


@wrong(
    "no check for definiteness",
    "With an eigenvalue that is zero or negative there is no single minimum to converge "
    "to, at any rate: raise ValueError.",
)
def max_stable_lr(A):
    if not np.allclose(A, A.T):
        raise ValueError("A must be symmetric")
    return 2 / np.linalg.eigvalsh(A)[-1]


@wrong(
    "exact symmetry",
    "You ask that A and A^T agree to the last bits: a matrix that is computed seldom does, and is "
    "symmetric up to rounding. Compare them with np.allclose.",
)
def max_stable_lr(A):
    if not np.array_equal(A, A.T):
        raise ValueError("A must be symmetric")
    values = np.linalg.eigvalsh(A)
    if values[0] <= 0:
        raise ValueError("A must be positive definite")
    return 2 / values[-1]


@wrong(
    "absolute tolerance",
    "You refuse eigenvalues below a fixed small number: the same loss in smaller units has "
    "eigenvalues as small as that, and is positive definite all the same. Compare them with 0.",
)
def max_stable_lr(A):
    if not np.allclose(A, A.T):
        raise ValueError("A must be symmetric")
    values = np.linalg.eigvalsh(A)
    if values[0] <= 1e-8:
        raise ValueError("A must be positive definite")
    return 2 / values[-1]


@wrong(
    "lets semidefinite pass",
    "Your check refuses negative eigenvalues and lets 0 pass: along a flat direction "
    "nothing converges, and positive definite means all above 0.",
)
def max_stable_lr(A):
    if not np.allclose(A, A.T):
        raise ValueError("A must be symmetric")
    values = np.linalg.eigvalsh(A)
    if values[0] < 0:
        raise ValueError("A must be positive definite")
    return 2 / values[-1]


# --- condition_number --------------------------------------------------------------------------------------------


@right("norms of A and its inverse")
def condition_number(A):
    s = np.linalg.svd(A)[1]
    if s.min() <= A.shape[0] * 2.2e-16 * s.max():
        return np.inf
    return float(np.divide(s.max(), s.min()))


@right("rank first")
def condition_number(A):
    s = sorted(np.linalg.svd(np.asarray(A, dtype=float), compute_uv=False))
    singular = not s[0] > len(s) * 2.2e-16 * s[-1]
    return float("inf") if singular else s[-1] / s[0]


@wrong(
    "eigenvalues with their signs",
    "You divide eigenvalues with their signs: a saddle would have a negative "
    "condition number. Singular values measure how much a direction is stretched, whatever its sign.",
)
def condition_number(A):
    values = np.sort(np.linalg.eigvals(A).real)
    if abs(values[0]) <= len(A) * 2.2e-16 * abs(values[-1]):
        return math.inf
    return values[-1] / values[0]


@wrong(
    "absolute eigenvalues",
    "Absolute eigenvalues are singular values only where A is symmetric: a shear has both "
    "eigenvalues at 1 and still stretches one direction more than another.",
)
def condition_number(A):
    sizes = np.abs(np.linalg.eigvals(A))
    if sizes.min() <= len(A) * 2.2e-16 * sizes.max():
        return math.inf
    return sizes.max() / sizes.min()


@wrong(
    "upside down",
    "Your ratio is upside down: the largest singular value stands on top, so that a condition number "
    "is at least 1 and a bad one is large.",
)
def condition_number(A):
    values = np.linalg.svd(A, compute_uv=False)
    if values[-1] <= len(A) * 2.2e-16 * values[0]:
        return math.inf
    return values[-1] / values[0]


@wrong(
    "squared",
    "Yours is the square of the condition number: the eigenvalues of A^T A are the squares of the "
    "singular values of A.",
)
def condition_number(A):
    values = np.linalg.svd(A, compute_uv=False)
    if values[-1] <= len(A) * 2.2e-16 * values[0]:
        return math.inf
    return (values[0] / values[-1]) ** 2


@wrong(
    "waits for an exact zero",
    "Rounding seldom leaves an exact zero: a smallest singular value of at most "
    "d * 2.2e-16 times the largest is rounding, and the condition number inf.",
)
def condition_number(A):
    values = np.linalg.svd(A, compute_uv=False)
    if values[-1] == 0:
        return math.inf
    with np.errstate(over="ignore"):
        return values[0] / values[-1]


@wrong(
    "absolute threshold",
    "You compare the smallest singular value with a fixed number: in other units the same "
    "matrix would be singular. Compare it with the largest.",
)
def condition_number(A):
    values = np.linalg.svd(A, compute_uv=False)
    if values[-1] <= len(A) * 2.2e-16:
        return math.inf
    return values[0] / values[-1]


# --- critical_point_kind -----------------------------------------------------------------------------------------


@right("counts signs")
def critical_point_kind(H):
    values = np.linalg.eigvals(H).real
    largest = max(abs(values))
    signs = {0 if abs(value) <= 1e-8 * largest else int(np.sign(value)) for value in values}
    if 0 in signs:
        return "degenerate"
    return {(1,): "minimum", (-1,): "maximum"}.get(tuple(signs), "saddle")


@right("smallest and largest")
def critical_point_kind(H):
    low, *_, high = values = np.append(np.linalg.eigvalsh(H), np.linalg.eigvalsh(H)[-1])
    threshold = 1e-8 * max(-low, high)
    if np.min(np.abs(values)) <= threshold:
        return "degenerate"
    if low > 0:
        return "minimum"
    if high < 0:
        return "maximum"
    return "saddle"


@wrong(
    "no degenerate case",
    "You decide by signs alone, and a direction that is flat up to rounding has a sign by "
    "chance: such a point is degenerate.",
)
def critical_point_kind(H):
    values = np.linalg.eigvalsh(H)
    if np.all(values > 0):
        return "minimum"
    return "maximum" if np.all(values < 0) else "saddle"


@wrong(
    "absolute threshold",
    "You compare eigenvalues with a fixed 1e-8: a loss in smaller units would be degenerate "
    "everywhere. Compare each with the largest absolute one.",
)
def critical_point_kind(H):
    values = np.linalg.eigvalsh(H)
    if np.any(np.abs(values) <= 1e-8):
        return "degenerate"
    if np.all(values > 0):
        return "minimum"
    return "maximum" if np.all(values < 0) else "saddle"


@wrong(
    "the diagonal",
    "The diagonal of H holds the curvatures along the axes only: a surface can curve up along both "
    "axes and down between them. Use eigenvalues.",
)
def critical_point_kind(H):
    values = np.diag(H)
    if np.any(np.abs(values) <= 1e-8 * np.max(np.abs(values))):
        return "degenerate"
    if np.all(values > 0):
        return "minimum"
    return "maximum" if np.all(values < 0) else "saddle"


@wrong(
    "mixed signs first",
    "You call a point a saddle as soon as two signs differ; with a flat direction beside them "
    "the point is degenerate, so look for flat directions first.",
)
def critical_point_kind(H):
    values = np.linalg.eigvalsh(H)
    sizes = np.abs(values)
    flat = sizes <= 1e-8 * np.max(sizes)
    if np.any(values[~flat] > 0) and np.any(values[~flat] < 0):
        return "saddle"
    if np.any(flat):
        return "degenerate"
    return "minimum" if np.all(values > 0) else "maximum"


@wrong(
    "by the determinant",
    "The sign of the determinant tells a saddle from the rest in two dimensions only: with "
    "three eigenvalues, two negative ones make it positive. Look at each eigenvalue.",
)
def critical_point_kind(H):
    values = np.linalg.eigvalsh(H)
    if np.any(np.abs(values) <= 1e-8 * np.max(np.abs(values))):
        return "degenerate"
    if np.prod(np.sign(values)) < 0:
        return "saddle"
    return "minimum" if np.trace(H) > 0 else "maximum"


@wrong(
    "minimum and maximum exchanged",
    "You have minimum and maximum the wrong way round: positive curvature in every "
    "direction is a bowl, and its bottom a minimum.",
)
def critical_point_kind(H):
    values = np.linalg.eigvalsh(H)
    if np.any(np.abs(values) <= 1e-8 * np.max(np.abs(values))):
        return "degenerate"
    if np.all(values > 0):
        return "maximum"
    return "minimum" if np.all(values < 0) else "saddle"


# --- questions ---------------------------------------------------------------------------------------------------

catalogue.wrong_answer(
    "answer_1",
    "a",
    "Overshooting is not diverging: up to 2 eta_opt each step lands nearer to the "
    "minimum than it started, on the other side.",
)
catalogue.wrong_answer(
    "answer_1",
    "b",
    "Larger steps are not faster ones: at eta_opt one step is enough, and every "
    "other rate leaves a part of the error.",
)
catalogue.wrong_answer(
    "answer_1",
    "d",
    "Bouncing for ever happens at 2 eta_opt alone, where the factor is exactly -1; "
    "compute 1 - eta/eta_opt here.",
)
catalogue.wrong_answer(
    "answer_2",
    "b",
    "The best rate of a direction is 1 over its curvature, so a shallow direction "
    "allows large rates, and it is the other one that diverges first.",
)
catalogue.wrong_answer(
    "answer_2",
    "c",
    "The steep direction sets the limit, and at a rate that suits it the steep error "
    "is gone soon: ask what is left then.",
)
catalogue.wrong_answer(
    "answer_2",
    "d",
    "The directions do not mix: each has its own factor 1 - eta lambda, and no mean "
    "curvature occurs in any of them.",
)
catalogue.wrong_answer(
    "answer_3",
    "a",
    "The loss grows with the square of the distance, so the two do not shrink by the same factor.",
)
catalogue.wrong_answer(
    "answer_3",
    "b",
    "The square goes the other way: the loss is the square of the distance, up to a constant.",
)
catalogue.wrong_answer(
    "answer_3", "c", "The curvature multiplies every loss alike and drops out of their ratio."
)
catalogue.wrong_answer(
    "answer_4",
    "a",
    "Below 1 is not enough: the ratios k/(k + 1) have no bound below 1, and the gap falls ever more slowly.",
)
catalogue.wrong_answer(
    "answer_4",
    "c",
    "That it converges says nothing about how fast: linear convergence loses at "
    "least a fixed share of the gap at each step.",
)
catalogue.wrong_answer(
    "answer_4",
    "d",
    "Linear refers to the logarithm: a fixed share is lost at each step, and not a fixed amount.",
)
