"""Topic 04: mistakes with momentum and Nesterov's gradient, and right answers written otherwise."""

import math

import numpy as np

from autograde.mistakes import Catalogue

MASS, SUM, FORMS = "A mass and a friction", "The velocity is a sum, not an average", "Two forms, one path, until η changes"
MATRIX, MODULUS, BEST = "Momentum is a matrix", "While it rings, the modulus is √ρ", "The best heavy ball"
AHEAD, STEEP, SCHEDULE = "Look before you leap", "Steep directions are damped most", "Sutskever's schedule"

catalogue = Catalogue("04_momentum", sections={
    "momentum_step": MASS, "velocity_form_step": FORMS, "velocity_from_history": SUM, "terminal_step": SUM,
    "momentum_schedule": SCHEDULE, "nesterov_step": AHEAD, "iteration_matrix": MATRIX, "spectral_radius": MODULUS,
    "optimal_heavy_ball": BEST, "answer_1": SUM, "answer_2": FORMS, "answer_3": MODULUS, "answer_4": STEEP,
})
wrong, right = catalogue.wrong, catalogue.right


# --- momentum_step -----------------------------------------------------------------------------------------------


@right("one line each, other order")
def momentum_step(w, v, g, lr, rho):
    v_next = np.add(g, np.multiply(v, rho))
    return np.subtract(w, v_next * lr), v_next


@right("entry by entry")
def momentum_step(w, v, g, lr, rho):
    w_new, v_new = np.array(w, dtype=float), np.array(v, dtype=float)
    for i in np.ndindex(w_new.shape):
        v_new[i] = g[i] + rho * v[i]
        w_new[i] = w_new[i] - lr * v_new[i]
    return [w_new, v_new]


@right("in place on copies, and the step expanded")
def momentum_step(w, v, g, lr, rho):
    w = np.array(w, dtype=np.float64)
    w -= lr * rho * v
    w -= lr * g
    velocity = np.zeros(np.shape(v))
    velocity += v
    velocity *= rho
    velocity += g
    return w, velocity


@wrong("moving average", "You multiply the new gradient by 1 - rho, which makes the velocity a moving average: momentum "
       "adds gradients in full, so that equal ones build up to g/(1 - rho).")
def momentum_step(w, v, g, lr, rho):
    v = rho * v + (1 - rho) * g
    return w - lr * v, v


@wrong("learning rate in the velocity", "Your velocity has the learning rate in it: in this form lr multiplies the "
       "velocity when w moves, and not the gradient when it enters.")
def momentum_step(w, v, g, lr, rho):
    v = rho * v + lr * g
    return w - v, v


@wrong("the other form", "This is the other form, whose velocity is the step itself: here v <- rho v + g without rate or "
       "sign, and w <- w - lr v.")
def momentum_step(w, v, g, lr, rho):
    v = rho * v - lr * g
    return w + v, v


@wrong("moves with the old velocity", "Your w moves with the velocity from before this step, so each gradient arrives one "
       "step late: compute the new v first, and use that.")
def momentum_step(w, v, g, lr, rho):
    return w - lr * v, rho * v + g


@wrong("uphill", "Your w moves by +lr v: in this form the velocity adds gradients, which point uphill, so it has to be "
       "subtracted.")
def momentum_step(w, v, g, lr, rho):
    v = rho * v + g
    return w + lr * v, v


@wrong("no memory", "Your velocity is the gradient alone: the old velocity should be kept, multiplied by rho, and the new "
       "gradient added to it.")
def momentum_step(w, v, g, lr, rho):
    v = 1.0 * g
    return w - lr * v, v


@wrong("velocity kept, not used", "Your w moves by -lr g, as in gradient descent, though the velocity is right: it is the "
       "velocity that should move w.")
def momentum_step(w, v, g, lr, rho):
    return w - lr * g, rho * v + g


@wrong("friction on the gradient", "Your friction acts on the new gradient as well, rho (v + g): only the old velocity is "
       "multiplied by rho, and the new gradient enters in full.")
def momentum_step(w, v, g, lr, rho):
    v = rho * (v + g)
    return w - lr * v, v


@wrong("friction and memory exchanged", "You keep 1 - rho of the old velocity: rho itself is the share that stays, and "
       "rho = 0 should be gradient descent.")
def momentum_step(w, v, g, lr, rho):
    v = (1 - rho) * v + g
    return w - lr * v, v


@wrong("Nesterov's step of the frameworks", "Your w moves by lr (g + rho v): that is Nesterov's gradient as frameworks "
       "write it, in a shifted variable. Plain momentum moves by lr v.")
def momentum_step(w, v, g, lr, rho):
    v = rho * v + g
    return w - lr * (g + rho * v), v


@wrong("in place", "Your step writes into the arrays it was given (`v *= ...`, `w -= ...`): the caller still needs the "
       "old state, and a step that starts from it again would start elsewhere.")
def momentum_step(w, v, g, lr, rho):
    v *= rho
    v += g
    w -= lr * v
    return w, v


@wrong("velocity first", "Your results come as (v, w): the docstring asks for the parameters first and the velocity "
       "second.")
def momentum_step(w, v, g, lr, rho):
    v = rho * v + g
    return v, w - lr * v


# --- velocity_form_step ------------------------------------------------------------------------------------------


@right("the step first")
def velocity_form_step(w, v, g, lr, rho):
    step = -np.multiply(lr, g) + np.multiply(rho, v)
    return np.add(step, w), np.copy(step)


@right("entry by entry")
def velocity_form_step(w, v, g, lr, rho):
    w_new, v_new = np.empty(np.shape(w)), np.empty(np.shape(w))
    for i in np.ndindex(np.shape(w)):
        v_new[i] = rho * v[i] - lr * g[i]
        w_new[i] = w[i] + v_new[i]
    return w_new, v_new


@wrong("uphill", "Your velocity adds +lr g and w adds the velocity: both signs together go uphill. In this form the minus "
       "stands before lr g.")
def velocity_form_step(w, v, g, lr, rho):
    v = rho * v + lr * g
    return w + v, v


@wrong("the sign in the other place", "Your velocity points uphill and is subtracted from w: the path is right, and the "
       "velocity is the negative of the one asked for, v <- rho v - lr g.")
def velocity_form_step(w, v, g, lr, rho):
    v = rho * v + lr * g
    return w - v, v


@wrong("two minus signs", "You subtract the velocity, and the minus is in it already: two of them go uphill. In this form "
       "w <- w + v.")
def velocity_form_step(w, v, g, lr, rho):
    v = rho * v - lr * g
    return w - v, v


@wrong("the form of the first exercise", "This is the form of `momentum_step`, in which the rate multiplies the whole "
       "velocity: here every gradient enters with the rate of its own step, and keeps it.")
def velocity_form_step(w, v, g, lr, rho):
    v = rho * v + g
    return w - lr * v, v


@wrong("rate on the whole velocity", "Your lr multiplies the old velocity too: it was scaled when its gradients entered, "
       "and once is enough. The brackets around rho v - g are too many.")
def velocity_form_step(w, v, g, lr, rho):
    v = lr * (rho * v - g)
    return w + v, v


@wrong("rate twice", "Your learning rate acts twice, in the velocity and again where w moves: in this form w <- w + v, "
       "without a rate.")
def velocity_form_step(w, v, g, lr, rho):
    v = rho * v - lr * g
    return w + lr * v, v


@wrong("no rate", "There is no learning rate in your step: in this form it belongs in the velocity, v <- rho v - lr g.")
def velocity_form_step(w, v, g, lr, rho):
    v = rho * v - g
    return w + v, v


@wrong("moving average", "You multiply the new gradient by 1 - rho: momentum keeps no average, the new gradient enters "
       "with lr alone.")
def velocity_form_step(w, v, g, lr, rho):
    v = rho * v - (1 - rho) * lr * g
    return w + v, v


@wrong("moves with the old velocity", "Your w moves by the velocity from before this step, so the gradient just taken does "
       "not count yet: compute the new v first.")
def velocity_form_step(w, v, g, lr, rho):
    return w + v, rho * v - lr * g


@wrong("in place", "Your step writes into the caller's arrays (`v *= rho`, `w += v`): make new arrays, for the old state "
       "may be wanted again.")
def velocity_form_step(w, v, g, lr, rho):
    v *= rho
    v -= lr * g
    w += v
    return w, v


# --- velocity_from_history ---------------------------------------------------------------------------------------


@right("recursion")
def velocity_from_history(gradients, rho):
    v = np.zeros(gradients.shape[1])
    for g in gradients:
        v = rho * v + g
    return v


@right("newest first")
def velocity_from_history(gradients, rho):
    total, weight = 0.0, 1.0
    for g in reversed(gradients):
        total, weight = total + weight * g, weight * rho
    return total


@right("weights in a column")
def velocity_from_history(gradients, rho):
    T = gradients.shape[0]
    weights = np.power(float(rho), T - 1 - np.arange(T))
    return (weights[:, None] * gradients).sum(axis=0)


@wrong("weights the wrong way round", "Your weights run the wrong way: the oldest gradient counts in full and the newest "
       "least. Friction wears off the old ones.")
def velocity_from_history(gradients, rho):
    return rho ** np.arange(len(gradients)) @ gradients


@wrong("one friction too many", "Your newest gradient is multiplied by rho already: it has met no friction yet, so its "
       "weight is rho^0 = 1.")
def velocity_from_history(gradients, rho):
    return rho ** np.arange(len(gradients), 0, -1) @ gradients


@wrong("moving average", "You multiply the sum by 1 - rho: that is a moving average, and the velocity is the plain sum, "
       "whose weights tend to 1/(1 - rho) in all.")
def velocity_from_history(gradients, rho):
    return (1 - rho) * (rho ** np.arange(len(gradients))[::-1] @ gradients)


@wrong("weighted mean", "You divide by the sum of the weights: that is a weighted mean, and the velocity is the sum "
       "itself, which is how it becomes larger than any gradient.")
def velocity_from_history(gradients, rho):
    weights = rho ** np.arange(len(gradients))[::-1]
    return weights @ gradients / weights.sum()


@wrong("no friction", "Your gradients all count alike: a velocity that forgets nothing would never turn round. The weight "
       "of a gradient k steps old is rho^k.")
def velocity_from_history(gradients, rho):
    return np.sum(gradients, axis=0, dtype=float)


@wrong("sums over the parameters", "You add up over the parameters and return one number per step: add over the steps, "
       "axis 0, so that one velocity of shape (d,) is left.")
def velocity_from_history(gradients, rho):
    weights = rho ** np.arange(len(gradients))[::-1]
    return (weights[:, None] * gradients).sum(axis=1)


@wrong("starts as a view of the first gradient", "Your v starts as `gradients[0]`, which is a view: `v *= rho` then writes "
       "into the caller's history. Start from zeros, or from a copy.")
def velocity_from_history(gradients, rho):
    v = gradients[0]
    for g in gradients[1:]:
        v *= rho
        v += g
    return v


@wrong("leaves the newest out", "Your sum stops before the newest gradient: after T gradients the velocity contains all T "
       "of them, the last with weight 1.")
def velocity_from_history(gradients, rho):
    v = np.zeros(gradients.shape[1])
    for i in range(len(gradients) - 1):
        v = rho * v + gradients[i]
    return v


# --- terminal_step -----------------------------------------------------------------------------------------------


@right("velocity first")
def terminal_step(g, lr, rho):
    v = np.divide(g, 1.0 - rho)
    return lr * v


@right("the recursion until it rests")
def terminal_step(g, lr, rho):
    step = np.zeros(np.shape(g))
    for _ in range(40000):
        step = rho * step + lr * g
    return step


@wrong("the step of gradient descent", "Yours is the step of gradient descent: under a constant gradient the velocity goes "
       "on growing beyond g, until friction takes as much as the gradient gives.")
def terminal_step(g, lr, rho):
    return lr * np.asarray(g) * 1.0


@wrong("factor the wrong way up", "You multiply by 1 - rho and should divide by it: momentum makes the terminal step "
       "larger and not smaller.")
def terminal_step(g, lr, rho):
    return lr * np.asarray(g) * (1 - rho)


@wrong("1 + rho below", "You divide by 1 + rho, which would make the step smaller: that sum has alternating signs, and "
       "equal gradients add up, 1 + rho + rho^2 + ...")
def terminal_step(g, lr, rho):
    return lr * np.asarray(g) / (1 + rho)


@wrong("two gradients only", "You count the newest gradient and one before it: the velocity holds all earlier ones too, "
       "1 + rho + rho^2 + ... without end.")
def terminal_step(g, lr, rho):
    return lr * np.asarray(g) * (1 + rho)


@wrong("without the newest gradient", "Your series starts at rho and leaves out the newest gradient, whose weight is 1: "
       "with rho = 0 there would be no step at all.")
def terminal_step(g, lr, rho):
    return lr * np.asarray(g) * rho / (1 - rho)


@wrong("the velocity and not the step", "This is the terminal velocity g/(1 - rho): the step is the learning rate times "
       "that.")
def terminal_step(g, lr, rho):
    return np.asarray(g) / (1 - rho)


@wrong("downhill sign", "Your step has its sign turned round: asked is lr v, with the sign of the gradient, which the point "
       "then subtracts.")
def terminal_step(g, lr, rho):
    return -lr * np.asarray(g) / (1 - rho)


@wrong("a hundred steps", "You add up a fixed number of steps, and at rho = 0.999 the velocity is still far from its limit "
       "then: sum the geometric series in closed form.")
def terminal_step(g, lr, rho):
    return lr * np.asarray(g) * sum(rho**k for k in range(100))


# --- momentum_schedule -------------------------------------------------------------------------------------------


@right("without a logarithm")
def momentum_schedule(t, rho_max):
    stair = np.floor(np.true_divide(t, 250)) + 1
    return np.clip(1 - 0.5 / stair, None, float(rho_max))


@right("one step at a time")
def momentum_schedule(t, rho_max):
    if np.ndim(t) > 0:
        return np.array([momentum_schedule(one, rho_max) for one in t])
    return min(1 - 2 ** (-1 - math.log2(math.floor(t / 250) + 1)), float(rho_max))


@right("np.where")
def momentum_schedule(t, rho_max):
    rho = 1 - np.exp2(-1 - np.log(t // 250 + 1) / np.log(2))
    return np.where(rho > rho_max, rho_max * 1.0, rho)


@wrong("no stairs", "Your momentum changes at every step: floor(t/250) holds it for 250 steps on each stair.")
def momentum_schedule(t, rho_max):
    return np.minimum(1 - 2.0 ** (-1 - np.log2(np.asarray(t) / 250 + 1)), float(rho_max))


@wrong("rounds to the nearest stair", "You round t/250 to the nearest whole number, so each stair begins 125 steps early: "
       "the floor goes down to the next one.")
def momentum_schedule(t, rho_max):
    return np.minimum(1 - 2.0 ** (-1 - np.log2(np.rint(np.asarray(t) / 250) + 1)), float(rho_max))


@wrong("counts steps from 1", "Your stairs are one step early: t counts from 0, so that steps 0 to 249 stand on the first.")
def momentum_schedule(t, rho_max):
    return np.minimum(1 - 2.0 ** (-1 - np.log2((np.asarray(t) + 1) // 250 + 1)), float(rho_max))


@wrong("natural logarithm", "Your logarithm is the natural one: 2 and log2 belong together, so that 2^(-log2 n) is 1/n.")
def momentum_schedule(t, rho_max):
    return np.minimum(1 - 2.0 ** (-1 - np.log(np.asarray(t) // 250 + 1)), float(rho_max))


@wrong("no limit", "Your momentum grows past rho_max: the smaller of the two counts.")
def momentum_schedule(t, rho_max):
    return 1 - 2.0 ** (-1 - np.log2(np.asarray(t) // 250 + 1))


@wrong("the larger of the two", "You take the larger of schedule and rho_max: a limit is the most that is allowed, so the "
       "smaller counts.")
def momentum_schedule(t, rho_max):
    return np.maximum(1 - 2.0 ** (-1 - np.log2(np.asarray(t) // 250 + 1)), float(rho_max))


@wrong("without the + 1 in the logarithm", "You take log2(floor(t/250)), which is minus infinity for the first 250 steps: "
       "add 1 to the stair's number inside the logarithm.")
def momentum_schedule(t, rho_max):
    with np.errstate(divide="ignore"):
        return np.minimum(1 - 2.0 ** (-1 - np.log2(np.asarray(t) // 250)), float(rho_max))


@wrong("sign of the logarithm", "Your exponent has +log2: then the distance to 1 grows with t, and the momentum falls below "
       "zero. It should shrink: -1 - log2(...).")
def momentum_schedule(t, rho_max):
    return np.minimum(1 - 2.0 ** (-1 + np.log2(np.asarray(t) // 250 + 1)), float(rho_max))


@wrong("without the -1", "Your exponent lacks the -1: the schedule would start at 0 and not at 1/2.")
def momentum_schedule(t, rho_max):
    return np.minimum(1 - 2.0 ** (-np.log2(np.asarray(t) // 250 + 1)), float(rho_max))


@wrong("single steps only", "Your function works for a single step and fails for an array of them: `math.log2` and `min` "
       "want one number, `np.log2` and `np.minimum` take arrays too.")
def momentum_schedule(t, rho_max):
    return min(1 - 2 ** (-1 - math.log2(t // 250 + 1)), rho_max)


@wrong("an if for the limit", "Your comparison with rho_max asks one question of a whole array of steps: some entries may "
       "be above the limit and others below, and `np.minimum` takes the smaller of each.")
def momentum_schedule(t, rho_max):
    rho = 1 - 2.0 ** (-1 - np.log2(t // 250 + 1))
    return rho if rho < rho_max else rho_max


# --- nesterov_step -----------------------------------------------------------------------------------------------


@right("look ahead, then momentum")
def nesterov_step(w, v, gradient, lr, rho):
    ahead = np.subtract(w, np.multiply(lr * rho, v))
    g = np.asarray(gradient(ahead))
    velocity = np.multiply(rho, v) + g
    return np.subtract(w, np.multiply(lr, velocity)), velocity


@right("the gradient's part from the look-ahead point")
def nesterov_step(w, v, gradient, lr, rho):
    ahead = w - lr * rho * v
    g = gradient(ahead.copy())
    return [ahead - lr * g, g + rho * v]


@wrong("looks uphill, as printed in a lecture", "You look ahead at w + rho v: v adds up gradients and w moves by -lr v, so "
       "that place lies uphill, and is not in w's scale. The place ahead is w - lr rho v.")
def nesterov_step(w, v, gradient, lr, rho):
    v = rho * v + gradient(w + rho * v)
    return w - lr * v, v


@wrong("looks back", "You look at w + lr rho v, which lies where the point came from: w moves by -lr v, so ahead is "
       "w - lr rho v.")
def nesterov_step(w, v, gradient, lr, rho):
    v = rho * v + gradient(w + lr * rho * v)
    return w - lr * v, v


@wrong("looks ahead without the rate", "You look ahead at w - rho v, which fits the form whose velocity has the learning "
       "rate in it: here the velocity becomes a step only when lr multiplies it.")
def nesterov_step(w, v, gradient, lr, rho):
    v = rho * v + gradient(w - rho * v)
    return w - lr * v, v


@wrong("looks ahead without friction", "You look ahead by the whole of the old velocity, w - lr v: before it carries the "
       "point, friction leaves only rho of it.")
def nesterov_step(w, v, gradient, lr, rho):
    v = rho * v + gradient(w - lr * v)
    return w - lr * v, v


@wrong("does not look ahead", "You take the gradient at w: that is plain momentum. Nesterov's gradient is the one where the "
       "velocity is about to carry the point.")
def nesterov_step(w, v, gradient, lr, rho):
    v = rho * v + gradient(w)
    return w - lr * v, v


@wrong("steps from the look-ahead point", "Your step starts from the look-ahead point, so that the old velocity carries it "
       "twice: look there for the gradient, and start from w.")
def nesterov_step(w, v, gradient, lr, rho):
    ahead = w - lr * rho * v
    v = rho * v + gradient(ahead)
    return ahead - lr * v, v


@wrong("the frameworks' form", "Yours is Nesterov's gradient as frameworks write it, lr (g + rho v) with g at the stored "
       "point: they store the look-ahead point in place of w. Here w is the point itself.")
def nesterov_step(w, v, gradient, lr, rho):
    g = gradient(w)
    v = rho * v + g
    return w - lr * (g + rho * v), v


@wrong("moving average", "You multiply the gradient by 1 - rho: the velocity of momentum is no average, and the gradient "
       "ahead enters it in full.")
def nesterov_step(w, v, gradient, lr, rho):
    v = rho * v + (1 - rho) * gradient(w - lr * rho * v)
    return w - lr * v, v


@wrong("learning rate in the velocity", "Your velocity has the learning rate in it: here v <- rho v + g, and lr multiplies "
       "v only when w moves or when you look ahead.")
def nesterov_step(w, v, gradient, lr, rho):
    v = rho * v + lr * gradient(w - rho * v)
    return w - v, v


@wrong("the other form", "Yours is right in the other form, whose velocity is the step itself: here the velocity adds up "
       "plain gradients, the look-ahead is w - lr rho v, and w <- w - lr v.")
def nesterov_step(w, v, gradient, lr, rho):
    v = rho * v - lr * gradient(w + rho * v)
    return w + v, v


@wrong("asks twice", "You ask for the gradient twice in one step, at w and ahead of it: the gradient is the costly part, "
       "and only the one ahead is used.")
def nesterov_step(w, v, gradient, lr, rho):
    gradient(w)
    v = rho * v + gradient(w - lr * rho * v)
    return w - lr * v, v


@wrong("in place", "Your step moves the caller's w or v (`w -= ...`): the look-ahead must leave w where it is, and so must "
       "the step. Make new arrays.")
def nesterov_step(w, v, gradient, lr, rho):
    g = gradient(w - lr * rho * v)
    v *= rho
    v += g
    w -= lr * v
    return w, v


# --- iteration_matrix --------------------------------------------------------------------------------------------


@right("two factors")
def iteration_matrix(curvature, lr, rho):
    push = np.array([[rho, curvature], [0.0, 1.0]])
    move = np.array([[1.0, 0.0], [-lr, 1.0]])
    return move @ push


@right("images of the unit vectors")
def iteration_matrix(curvature, lr, rho):
    M = np.zeros((2, 2))
    for k, (v, x) in enumerate([(1.0, 0.0), (0.0, 1.0)]):
        v_next = rho * v + curvature * x
        M[:, k] = v_next, x - lr * v_next
    return M


@wrong("x before v", "Your matrix acts on (x, v): the docstring asks for (v, x), the velocity in the first row and the "
       "first column.")
def iteration_matrix(curvature, lr, rho):
    return np.array([[1 - lr * curvature, -lr * rho], [curvature, rho]])


@wrong("moves with the old velocity", "Your second row moves x with the old velocity: the new one, rho v + a x, stands "
       "there, so lr meets rho and the curvature.")
def iteration_matrix(curvature, lr, rho):
    return np.array([[rho, curvature], [-lr, 1.0]])


@wrong("without friction in the second row", "Your second row has -lr where -lr rho belongs: x moves by -lr times the new "
       "velocity, and in that the old one stands with its friction.")
def iteration_matrix(curvature, lr, rho):
    return np.array([[rho, curvature], [-lr, 1 - lr * curvature]])


@wrong("transposed", "Your matrix is transposed: row 1 says what the new v is made of, row 2 what the new x is made of.")
def iteration_matrix(curvature, lr, rho):
    return np.array([[rho, -lr * rho], [curvature, 1 - lr * curvature]])


@wrong("the other form", "This is the matrix of the form v <- rho v - lr g, w <- w + v: asked is the one whose velocity "
       "adds up plain gradients, v <- rho v + a x.")
def iteration_matrix(curvature, lr, rho):
    return np.array([[rho, -lr * curvature], [rho, 1 - lr * curvature]])


@wrong("moving average", "Your curvature is multiplied by 1 - rho: that belongs to a moving average of gradients, and "
       "momentum adds them in full.")
def iteration_matrix(curvature, lr, rho):
    push = (1 - rho) * curvature
    return np.array([[rho, push], [-lr * rho, 1 - lr * push]])


@wrong("uphill", "Your second row moves x by +lr v, uphill: the point moves against the gradients that the velocity has "
       "added up.")
def iteration_matrix(curvature, lr, rho):
    return np.array([[rho, curvature], [lr * rho, 1 + lr * curvature]])


@wrong("Nesterov's matrix", "This is the matrix of Nesterov's gradient, which takes the gradient at x - lr rho v: momentum "
       "takes it at x.")
def iteration_matrix(curvature, lr, rho):
    stay = 1 - lr * curvature
    return np.array([[rho * stay, curvature], [-lr * rho * stay, stay]])


@wrong("slope of x^2", "Your gradient is 2 a x: the parabola is a x^2 / 2, whose slope is a x.")
def iteration_matrix(curvature, lr, rho):
    return np.array([[rho, 2 * curvature], [-lr * rho, 1 - 2 * lr * curvature]])


# --- spectral_radius ---------------------------------------------------------------------------------------------


@right("Python's max")
def spectral_radius(M):
    return max(abs(value) for value in np.linalg.eig(M)[0])


@right("roots of the characteristic polynomial")
def spectral_radius(M):
    return float(np.sqrt(max(root.real**2 + root.imag**2 for root in np.roots(np.poly(M)).astype(complex))))


@wrong("largest eigenvalue with its sign", "You take the largest eigenvalue and then its size: -0.9 is smaller than 0.5 as "
       "a number and larger in modulus. Take moduli first.")
def spectral_radius(M):
    return abs(np.max(np.linalg.eigvals(M)))


@wrong("real part", "You look at real parts only: a complex pair p +- qi turns the error while it shrinks, and its modulus "
       "is sqrt(p^2 + q^2).")
def spectral_radius(M):
    return np.max(np.abs(np.linalg.eigvals(M).real))


@wrong("takes M for symmetric", "`eigvalsh` is for symmetric matrices: it reads one triangle and takes the other to be its "
       "mirror image. The matrix of momentum is not symmetric.")
def spectral_radius(M):
    return np.max(np.abs(np.linalg.eigvalsh(M)))


@wrong("largest singular value", "The 2-norm is the largest singular value, what one step can do at worst: in the long run "
       "the eigenvalues decide, and they may be much smaller.")
def spectral_radius(M):
    return np.linalg.norm(M, 2)


@wrong("smallest modulus", "You take the smallest modulus: the part of the error that belongs to it is gone first, and the "
       "largest is what is left.")
def spectral_radius(M):
    return np.min(np.abs(np.linalg.eigvals(M)))


@wrong("square of the modulus", "Your value is the square of the modulus, p^2 + q^2: the modulus is its root.")
def spectral_radius(M):
    values = np.linalg.eigvals(M)
    return np.max(values.real**2 + values.imag**2)


@wrong("sum of real and imaginary part", "You add the sizes of real and imaginary part: they are the two sides of a "
       "right-angled triangle, and the modulus is its hypotenuse.")
def spectral_radius(M):
    values = np.linalg.eigvals(M)
    return np.max(np.abs(values.real) + np.abs(values.imag))


@wrong("root of the determinant", "The root of the determinant is the modulus of a complex pair, and of nothing else: where "
       "the eigenvalues are real one is larger than the other.")
def spectral_radius(M):
    return np.sqrt(np.abs(np.linalg.det(M)))


@wrong("two by two only", "Trace and determinant give the eigenvalues of a 2x2 matrix, and of no other: M may have any "
       "size, and `np.linalg.eigvals` finds them all.")
def spectral_radius(M):
    return np.max(np.abs(np.roots([1, -np.trace(M), np.linalg.det(M)])))


# --- optimal_heavy_ball ------------------------------------------------------------------------------------------


@right("roots of the curvatures")
def optimal_heavy_ball(lam_min, lam_max):
    low, high = np.sqrt(lam_min), np.sqrt(lam_max)
    return 4 / (low + high) ** 2, ((high - low) / (high + low)) ** 2


@right("momentum from the rate")
def optimal_heavy_ball(lam_min, lam_max):
    lr = 4 / (lam_min + lam_max + 2 * math.sqrt(lam_min * lam_max))
    return [lr, (1 - math.sqrt(lr * lam_min)) ** 2]


@wrong("rate not squared", "Your rate lacks its square: 2/(sqrt(lam_min) + sqrt(lam_max)) has the units of 1/sqrt(curvature), "
       "and a rate those of 1/curvature.")
def optimal_heavy_ball(lam_min, lam_max):
    root = math.sqrt(lam_max / lam_min)
    return 2 / (math.sqrt(lam_min) + math.sqrt(lam_max)), ((root - 1) / (root + 1)) ** 2


@wrong("momentum not squared", "(sqrt(kappa) - 1)/(sqrt(kappa) + 1) is the factor per step, which is sqrt(rho): the "
       "momentum is its square.")
def optimal_heavy_ball(lam_min, lam_max):
    root = math.sqrt(lam_max / lam_min)
    return (2 / (math.sqrt(lam_min) + math.sqrt(lam_max))) ** 2, (root - 1) / (root + 1)


@wrong("kappa without its root", "Your momentum uses kappa where its square root belongs: (kappa - 1)/(kappa + 1) is how "
       "fast gradient descent contracts at its best.")
def optimal_heavy_ball(lam_min, lam_max):
    kappa = lam_max / lam_min
    return (2 / (math.sqrt(lam_min) + math.sqrt(lam_max))) ** 2, ((kappa - 1) / (kappa + 1)) ** 2


@wrong("gradient descent's rate", "2/(lam_min + lam_max) is the best rate of gradient descent without momentum: with it "
       "the heavy ball allows, and wants, a larger one.")
def optimal_heavy_ball(lam_min, lam_max):
    root = math.sqrt(lam_max / lam_min)
    return 2 / (lam_min + lam_max), ((root - 1) / (root + 1)) ** 2


@wrong("rate of the steepest direction", "1/lam_max suits the steepest direction and leaves the shallow one slow: the best "
       "pair balances both ends.")
def optimal_heavy_ball(lam_min, lam_max):
    root = math.sqrt(lam_max / lam_min)
    return 1 / lam_max, ((root - 1) / (root + 1)) ** 2


@wrong("root of the sum", "You take the root of the sum of the curvatures: the formula has the sum of their roots, which is "
       "larger.")
def optimal_heavy_ball(lam_min, lam_max):
    root = math.sqrt(lam_max / lam_min)
    return (2 / math.sqrt(lam_min + lam_max)) ** 2, ((root - 1) / (root + 1)) ** 2


@wrong("momentum first", "Your pair comes as (rho, lr): the docstring asks for the learning rate first.")
def optimal_heavy_ball(lam_min, lam_max):
    root = math.sqrt(lam_max / lam_min)
    return ((root - 1) / (root + 1)) ** 2, (2 / (math.sqrt(lam_min) + math.sqrt(lam_max))) ** 2


@wrong("rate without the square on the 2", "Your rate is 2 over the square: the square stands around the whole fraction, so "
       "the 2 becomes a 4.")
def optimal_heavy_ball(lam_min, lam_max):
    root = math.sqrt(lam_max / lam_min)
    return 2 / (math.sqrt(lam_min) + math.sqrt(lam_max)) ** 2, ((root - 1) / (root + 1)) ** 2


# --- questions ---------------------------------------------------------------------------------------------------

catalogue.wrong_answer("answer_1", "a", "An average has weights that add to 1. Add up the weights 1, rho, rho^2, ... with "
                       "which this velocity counts the gradients.")
catalogue.wrong_answer("answer_1", "b", "That is the second step from rest; the velocity goes on growing, because the third "
                       "gradient finds two in it already.")
catalogue.wrong_answer("answer_1", "d", "That factor belongs to a moving average, before it has warmed up; in this form "
                       "nothing multiplies the new gradient but the rate.")
catalogue.wrong_answer("answer_2", "b", "The two forms draw one path only while the rate is constant: ask of each with which "
                       "rate the gradients in its velocity are counted after the change.")
catalogue.wrong_answer("answer_2", "c", "Both keep their velocity, and in one of them the rate multiplies that velocity anew "
                       "at every step.")
catalogue.wrong_answer("answer_2", "d", "You have the right behaviours on the wrong forms: look for the form in which the new "
                       "rate multiplies the whole velocity.")
catalogue.wrong_answer("answer_3", "a", "rho is the determinant of the matrix, the product of two eigenvalues that have equal "
                       "modulus: what is each of them?")
catalogue.wrong_answer("answer_3", "b", "While it rings, a larger rate turns the eigenvalues further round a circle and leaves "
                       "their modulus as it was.")
catalogue.wrong_answer("answer_3", "c", "It does oscillate faster, but frequency is not size: the product of the two "
                       "eigenvalues has no learning rate in it.")
catalogue.wrong_answer("answer_4", "a", "Under a constant gradient both reach the same terminal step: where all gradients are "
                       "equal, looking ahead changes nothing.")
catalogue.wrong_answer("answer_4", "c", "It asks for one gradient per step and for no Hessian: curvature comes in because that "
                       "gradient is taken at another place.")
catalogue.wrong_answer("answer_4", "d", "There is one gradient per step and no average of two: ask where it is taken, and which "
                       "way it points just before the minimum.")
