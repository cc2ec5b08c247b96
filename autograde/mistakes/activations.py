"""Topic 06: mistakes with activation functions and their derivatives, and right answers written otherwise."""

import math

import numpy as np

from autograde.mistakes import Catalogue

catalogue = Catalogue("06_activations", sections={
    "sigmoid": "Saturation is a matter of degree",
    "sigmoid_derivative": "What passes backwards",
    "tanh_derivative": "Ten layers lose six digits",
    "relu": "ReLU: all or nothing",
    "relu_derivative": "ReLU: all or nothing",
    "leaky_relu": "Not the larger of αx and x",
    "leaky_relu_derivative": "Units that do not die",
    "prelu_backward": "A slope that learns",
    "elu": "Units that do not die",
    "elu_derivative": "Something passes on every side",
    "maxout": "Something passes on every side",
    "saturated_fraction": "Saturation is a matter of degree",
    "dead_units": "Units that die",
    "gradient_check": "Is the derivative right?",
    "answer_1": "Slope 1 is not enough",
    "answer_2": "One sign per unit and example, and no more",
    "answer_3": "For ever in layer 1, not always above it",
})
wrong, right = catalogue.wrong, catalogue.right


# --- sigmoid -----------------------------------------------------------------------------------------------------


@right("by the sign, through masks")
def sigmoid(x):
    out = np.empty(np.shape(x))
    positive = x >= 0
    out[positive] = 1 / (1 + np.exp(-x[positive]))
    e = np.exp(x[~positive])
    out[~positive] = e / (1 + e)
    return out


@right("through tanh")
def sigmoid(x):
    return 0.5 * (np.tanh(0.5 * x) + 1.0)


@right("clips where nothing is left to see")
def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-np.clip(x, -500, 500)))


@right("entry by entry")
def sigmoid(x):
    flat = [1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v)) for v in np.ravel(x).tolist()]
    return np.reshape(np.array(flat), np.shape(x))


@wrong("overflows on the left", "Your formula asks for e^{-x}, which at x = -1000 is e^{1000}, more than a float can "
       "hold: for negative x use the form with e^x, which divides both sides of the fraction by e^{-x}.")
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@wrong("math.exp", "math.exp takes one number, and x is an array of any shape: np.exp works entry by entry.")
def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@wrong("overflows on the right", "e^x / (1 + e^x) is the sigmoid on paper, but at x = 1000 it is inf / inf, which is "
       "nan: that form is safe for negative x only.")
def sigmoid(x):
    return np.exp(x) / (1 + np.exp(x))


@wrong("both branches everywhere", "You choose between two forms with np.where, but both are computed for every entry "
       "first, the overflowing one too: make the exponent harmless before np.exp sees it, with -abs(x) for instance.")
def sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))


@wrong("mirrored", "Your curve falls where it should rise: the exponent is -x, so that a large x makes the exponential "
       "vanish and the sigmoid 1.")
def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, e, 1.0) / (1.0 + e)


@wrong("clips too early", "You cut x off at 20 in size, where the sigmoid is still 2e-9 away from its end: that is "
       "visible at an accuracy of 1e-12. A float can take exponents up to about 700.")
def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -20, 20)))


@wrong("allocates like x", "Your result has the type of x: from integers, np.zeros_like makes an array of integers, and "
       "every probability in it is cut off to 0. Allocate it as float.")
def sigmoid(x):
    out, positive = np.zeros_like(x), x >= 0
    out[positive] = 1 / (1 + np.exp(-x[positive]))
    e = np.exp(x[~positive])
    out[~positive] = e / (1 + e)
    return out


@wrong("if on an array", "`if x >= 0` asks an array for one yes or no, and it has one for each entry: use np.where, or a "
       "formula that needs no case.")
def sigmoid(x):
    if x >= 0:
        return 1 / (1 + np.exp(-x))
    return np.exp(x) / (1 + np.exp(x))


# --- sigmoid_derivative ------------------------------------------------------------------------------------------


@right("one exponential")
def sigmoid_derivative(x):
    e = np.exp(-np.abs(x))
    return e / (1 + e) ** 2


@right("hyperbolic cosine")
def sigmoid_derivative(x):
    return 1 / (2 + 2 * np.cosh(x))


@wrong("takes the value for the input", "x (1 - x) is the derivative where x is the sigmoid's value, as some frameworks "
       "store it; here x is the sigmoid's input, and its value has to be computed first.")
def sigmoid_derivative(x):
    return x * (1.0 - x)


@wrong("half the product", "You return 1 - sigma(x), one of the two factors: the derivative is the product "
       "sigma(x) (1 - sigma(x)), small on both sides of 0.")
def sigmoid_derivative(x):
    return np.exp(-x) / (1 + np.exp(-x))


@wrong("the sigmoid itself", "You return the sigmoid, not its slope: the slope is small at both ends, where the curve "
       "is flat, and largest in the middle.")
def sigmoid_derivative(x):
    return 1 / (1 + np.exp(-x))


@wrong("mixes input and value", "Your second factor is 1 - x, with the input in it: both factors are made of the "
       "sigmoid's value, sigma(x) (1 - sigma(x)).")
def sigmoid_derivative(x):
    return (1 - x) / (1 + np.exp(-x))


@wrong("sign of the inner derivative", "Your derivative is negative, but the sigmoid rises everywhere: the chain rule "
       "brings a second minus sign, from the -x in the exponent.")
def sigmoid_derivative(x):
    s = 1 / (1 + np.exp(-x))
    return -s * (1 - s)


@wrong("the rule for tanh", "1 - s^2 is the rule for tanh: for the sigmoid it is s (1 - s), which never exceeds 1/4.")
def sigmoid_derivative(x):
    return 1 - (1 / (1 + np.exp(-x))) ** 2


# --- tanh_derivative ---------------------------------------------------------------------------------------------


@right("hyperbolic cosine")
def tanh_derivative(x):
    return 1 / np.cosh(x) ** 2


@right("two factors")
def tanh_derivative(x):
    t = np.tanh(x)
    return (1 - t) * (1 + t)


@wrong("takes the value for the input", "1 - x^2 is the derivative where x is the value of tanh; here x is its input, "
       "and the value has to be computed first.")
def tanh_derivative(x):
    return 1.0 - x**2


@wrong("without the square", "1 - tanh(x) grows to 2 on the left, where the curve is flat: the square is missing, "
       "1 - tanh(x)^2.")
def tanh_derivative(x):
    return 1 - np.tanh(x)


@wrong("the rule for the sigmoid", "t (1 - t) is the rule for the sigmoid: with t = tanh(x), which runs from -1 to 1, "
       "the slope is 1 - t^2.")
def tanh_derivative(x):
    t = np.tanh(x)
    return t * (1 - t)


@wrong("square in the wrong place", "You square the difference, (1 - tanh(x))^2: only tanh(x) is squared, so that the "
       "slope is the same on both sides of 0.")
def tanh_derivative(x):
    return (1 - np.tanh(x)) ** 2


@wrong("cosh without the square", "Your result is 1/cosh(x): the derivative of tanh is its square, which falls off "
       "twice as fast.")
def tanh_derivative(x):
    return 1 / np.cosh(x)


@wrong("as flat as a sigmoid", "Your slope is a quarter of the right one: tanh is a sigmoid stretched to twice its "
       "height and half its width, so at 0 it passes everything and not a quarter.")
def tanh_derivative(x):
    return (1 - np.tanh(x) ** 2) / 4


# --- relu --------------------------------------------------------------------------------------------------------


@right("half of the sum")
def relu(x):
    return (x + np.abs(x)) / 2


@right("where")
def relu(x):
    return np.where(x > 0, x, 0.0)


@right("a mask in a copy")
def relu(x):
    out = np.array(x, dtype=float)
    out[out < 0] = 0
    return out


@wrong("keeps integers", "From integers your result is an array of integers: compare with 0.0, or convert to float, so "
       "that what comes after can hold fractions.")
def relu(x):
    return np.maximum(x, 0)


@wrong("max in place of maximum", "np.max(x, 0) finds the largest entry along axis 0, so the shape is lost: "
       "np.maximum compares two arrays entry by entry.")
def relu(x):
    return np.max(x, 0)


@wrong("in place", "Your ReLU cuts off the caller's x itself: the backward pass needs to know where x was positive, and "
       "another layer may need the rest.")
def relu(x):
    x[x < 0] = 0
    return x


@wrong("absolute value", "You return the size of x: what is negative should become 0, not positive.")
def relu(x):
    return np.abs(x) * 1.0


@wrong("the other side", "You keep what is negative and cut off what is positive: it is max(0, x), not min(0, x).")
def relu(x):
    return np.minimum(x, 0.0)


@wrong("leaks", "Your ReLU lets a hundredth of the negative side through: that is the leaky ReLU of task 6, and here "
       "nothing passes.")
def relu(x):
    return np.where(x > 0, x, 0.01 * x)


@wrong("its derivative", "You return 1 where x is positive: that is the derivative, and the value is x itself there.")
def relu(x):
    return np.where(x > 0, 1.0, 0.0)


# --- relu_derivative ---------------------------------------------------------------------------------------------


@right("a comparison as numbers")
def relu_derivative(x):
    return np.array(x > 0, dtype=float)


@right("step function")
def relu_derivative(x):
    return np.heaviside(x, 0.0)


@wrong("one at zero", "At x = 0 your derivative is 1: the convention here, as in the frameworks, is 0, and then a unit at "
       "exactly 0 counts as off.")
def relu_derivative(x):
    return np.where(x >= 0, 1.0, 0.0)


@wrong("half at zero", "At x = 0 you take the middle, 1/2: it is one of the possible subgradients, but the convention "
       "here is 0.")
def relu_derivative(x):
    return np.heaviside(x, 0.5)


@wrong("True and False", "You return True and False: a derivative is a number that multiplies gradients. Convert it to "
       "float.")
def relu_derivative(x):
    return x > 0


@wrong("whole numbers", "Your derivative is right and of an integer type: results are float64, so that what is computed "
       "from them can hold fractions.")
def relu_derivative(x):
    return np.where(x > 0, 1, 0)


@wrong("the type of x", "Your derivative takes the type of x, so from integers it is of an integer type: results are "
       "float64 whatever comes in.")
def relu_derivative(x):
    return (x > 0).astype(x.dtype)


@wrong("sign", "np.sign is -1 on the left: that is the derivative of abs(x). A ReLU is flat there, and passes nothing.")
def relu_derivative(x):
    return np.sign(x) * 1.0


@wrong("the value", "You return relu(x) itself: its slope is 1 wherever x is positive, however large x is.")
def relu_derivative(x):
    return np.maximum(x, 0.0)


@wrong("value over input", "You divide relu(x) by x, which is 0/0 at 0, and that is nan: ask whether x is positive "
       "instead.")
def relu_derivative(x):
    return np.maximum(x, 0.0) / x


# --- leaky_relu --------------------------------------------------------------------------------------------------


@right("two sides added")
def leaky_relu(x, slope=0.01):
    return np.maximum(x, 0.0) + slope * np.minimum(x, 0.0)


@right("a factor for each entry")
def leaky_relu(x, slope=0.01):
    return x * np.where(x > 0, 1.0, slope)


@wrong("the larger of two", "max(slope x, x), as the slides have it, is a leaky ReLU only for slopes up to 1: beyond that "
       "it bends the positive side and leaves the negative one alone. Decide by the sign of x.")
def leaky_relu(x, slope=0.01):
    return np.maximum(slope * x, x) * 1.0


@wrong("the wrong side", "Your slope is applied where x is positive: it belongs to the negative side.")
def leaky_relu(x, slope=0.01):
    return np.where(x > 0, slope * x, x)


@wrong("a fixed slope", "You multiply by 0.01 whatever slope is asked for: use the argument, which a parametric ReLU "
       "learns.")
def leaky_relu(x, slope=0.01):
    return np.where(x > 0, x, 0.01 * x)


@wrong("another default", "Your default slope is 0.2, as in another library: here it is 0.01 unless the caller says "
       "otherwise.")
def leaky_relu(x, slope=0.2):
    return np.where(x > 0, x, slope * x)


@wrong("turns the sign", "Left of 0 your values are positive: the slope multiplies x as it is, so that a negative x gives "
       "a small negative value and the curve keeps rising.")
def leaky_relu(x, slope=0.01):
    return np.where(x > 0, x, slope * np.abs(x))


@wrong("adds on both sides", "You add slope x on both sides of 0, so that the positive side has slope 1 + slope: the leak "
       "belongs to the negative side alone.")
def leaky_relu(x, slope=0.01):
    return np.maximum(x, 0.0) + slope * x


@wrong("in place", "You scale the negative entries of the caller's own array: the backward pass needs the x that came in. "
       "Make a new array.")
def leaky_relu(x, slope=0.01):
    x[x < 0] *= slope
    return x


@wrong("the slope as a value", "Left of 0 you return the slope itself: that is the derivative, and the value is slope "
       "times x.")
def leaky_relu(x, slope=0.01):
    return np.where(x > 0, x, slope)


# --- leaky_relu_derivative ---------------------------------------------------------------------------------------


@right("a mask as numbers")
def leaky_relu_derivative(x, slope=0.01):
    on = np.array(x > 0, dtype=float)
    return on + slope * (1 - on)


@right("step function")
def leaky_relu_derivative(x, slope=0.01):
    return slope + (1 - slope) * np.heaviside(x, 0.0)


@wrong("one at zero", "At x = 0 your derivative is 1: the kink belongs to the left side here, where the derivative is the "
       "slope.")
def leaky_relu_derivative(x, slope=0.01):
    return np.where(x >= 0, 1.0, slope)


@wrong("no leak", "Left of 0 your derivative is 0, that of a plain ReLU: the leak is what lets some gradient pass there.")
def leaky_relu_derivative(x, slope=0.01):
    return np.where(x > 0, 1.0, 0.0)


@wrong("a fixed slope", "Your derivative is 0.01 on the left whatever slope is asked for: the argument should be used.")
def leaky_relu_derivative(x, slope=0.01):
    return np.where(x > 0, 1.0, 0.01)


@wrong("another default", "Without a slope given, yours is 0.2, another library's default: here it is 0.01.")
def leaky_relu_derivative(x, slope=0.2):
    return np.where(x > 0, 1.0, slope)


@wrong("slope times x", "Left of 0 you return slope times x, the value: its derivative is the slope alone, the same for "
       "every negative x.")
def leaky_relu_derivative(x, slope=0.01):
    return np.where(x > 0, 1.0, slope * x)


@wrong("derivative of the larger", "You ask which of slope x and x is larger, as the slides' max(slope x, x) does: for a "
       "slope above 1 that exchanges the two sides. Ask whether x is positive.")
def leaky_relu_derivative(x, slope=0.01):
    return np.where(slope * x > x, slope, 1.0)


@wrong("allocates like x", "np.ones_like makes an array of x's own type: from integers, a slope of 0.25 is cut off to 0 "
       "in it. Allocate it as float.")
def leaky_relu_derivative(x, slope=0.01):
    d = np.ones_like(x)
    d[x <= 0] = slope
    return d


# --- prelu_backward ----------------------------------------------------------------------------------------------


@right("loops")
def prelu_backward(x, slope, upstream):
    n, d = x.shape
    dx, dslope = np.zeros((n, d)), np.zeros(d)
    for j in range(d):
        for i in range(n):
            if x[i, j] > 0:
                dx[i, j] = upstream[i, j]
            else:
                dx[i, j] = slope[j] * upstream[i, j]
                dslope[j] += upstream[i, j] * x[i, j]
    return dx, dslope


@right("einsum")
def prelu_backward(x, slope, upstream):
    off = np.where(x > 0, 0.0, 1.0)
    dx = upstream * (1 - off) + upstream * off * slope[None, :]
    return [dx, np.einsum("nd,nd,nd->d", upstream, x, off)]


@wrong("mean over the examples", "Your dslope is a mean over the examples: upstream already holds whatever averaging the "
       "loss does, so the examples' shares add up, as for a bias.")
def prelu_backward(x, slope, upstream):
    return upstream * np.where(x > 0, 1.0, slope), np.mean(upstream * np.minimum(x, 0.0), axis=0)


@wrong("not summed", "Your dslope has one row per example: all examples share the slope, so their shares add up to "
       "shape (d,).")
def prelu_backward(x, slope, upstream):
    return upstream * np.where(x > 0, 1.0, slope), upstream * np.minimum(x, 0.0)


@wrong("one slope for all units", "You add over the units, too: that is the gradient of one slope shared by the whole "
       "layer. Here each unit has its own, so sum over the examples alone.")
def prelu_backward(x, slope, upstream):
    return upstream * np.where(x > 0, 1.0, slope), np.sum(upstream * np.minimum(x, 0.0))


@wrong("summed over the units", "Your dslope adds along the rows, over the units of each example: units are columns, and "
       "the sum runs over the examples, axis 0.")
def prelu_backward(x, slope, upstream):
    return upstream * np.where(x > 0, 1.0, slope), np.sum(upstream * np.minimum(x, 0.0), axis=1)


@wrong("slope learns without upstream", "Your dslope leaves out upstream: it says how the outputs change with the slope, "
       "not how the loss does.")
def prelu_backward(x, slope, upstream):
    return upstream * np.where(x > 0, 1.0, slope), np.sum(np.minimum(x, 0.0), axis=0)


@wrong("positive entries teach the slope", "Your dslope adds up upstream x over all examples: where x is positive the "
       "slope was not used, and such an example says nothing about it.")
def prelu_backward(x, slope, upstream):
    return upstream * np.where(x > 0, 1.0, slope), np.sum(upstream * x, axis=0) * 1.0


@wrong("slope's gradient turned", "Your dslope has the wrong sign: the derivative of slope x by the slope is x, which is "
       "negative there, and not its size.")
def prelu_backward(x, slope, upstream):
    return upstream * np.where(x > 0, 1.0, slope), np.sum(upstream * np.maximum(-x, 0.0), axis=0)


@wrong("dx without upstream", "Your dx is the derivative of the activation alone: the chain rule multiplies it by "
       "upstream, what came from above.")
def prelu_backward(x, slope, upstream):
    return np.where(x > 0, 1.0, slope), np.sum(upstream * np.minimum(x, 0.0), axis=0)


@wrong("one at zero", "At x = 0 your dx is upstream itself: the kink belongs to the left side, where the derivative is "
       "the slope.")
def prelu_backward(x, slope, upstream):
    return upstream * np.where(x >= 0, 1.0, slope), np.sum(upstream * np.minimum(x, 0.0), axis=0)


@wrong("sides by the larger", "You ask which of slope x and x is larger, as in the slides' max(slope x, x): where a slope "
       "exceeds 1, that sends the gradients to the wrong side. Ask whether x is positive.")
def prelu_backward(x, slope, upstream):
    left = slope * x > x
    return upstream * np.where(left, slope, 1.0), np.sum(np.where(left, upstream * x, 0.0), axis=0)


# --- elu ---------------------------------------------------------------------------------------------------------


@right("exp where it is needed")
def elu(x, alpha=1.0):
    out = np.array(x, dtype=float)
    left = out <= 0
    out[left] = alpha * (np.exp(out[left]) - 1)
    return out


@right("two sides added")
def elu(x, alpha=1.0):
    return np.maximum(x, 0.0) + alpha * np.expm1(-np.maximum(-x, 0.0))


@wrong("overflows on the right", "np.where computes e^x for every entry, also for x = 1000 where it is not used: that "
       "overflows with a warning, and in a backward pass inf times 0 is nan. Cut x off at 0 inside the exponential.")
def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


@wrong("without the 1", "Left of 0 you have alpha e^x: without the -1 the curve jumps at 0, from alpha to 0, and comes to "
       "rest at 0 instead of -alpha.")
def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.exp(np.minimum(x, 0.0)))


@wrong("alpha before the 1", "You compute alpha e^x - 1, with alpha on the exponential alone: it multiplies the bracket, "
       "alpha (e^x - 1), so that both sides meet at 0.")
def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.exp(np.minimum(x, 0.0)) - 1)


@wrong("alpha in the exponent", "Your alpha stands in the exponent, where it changes how soon the curve comes to rest, "
       "always at -1: it belongs in front, and says where.")
def elu(x, alpha=1.0):
    return np.where(x > 0, x, np.expm1(alpha * np.minimum(x, 0.0)))


@wrong("ignores alpha", "Your function comes to rest at -1 whatever alpha is: alpha multiplies the whole left side.")
def elu(x, alpha=1.0):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0.0)))


@wrong("alpha on both sides", "Your alpha scales the right side as well (as a scaled ELU's other factor does): right of 0 "
       "an ELU is x itself.")
def elu(x, alpha=1.0):
    return alpha * np.where(x > 0, x, np.expm1(np.minimum(x, 0.0)))


@wrong("allocates like x", "Your result takes the type of x: from integers, e^x - 1 lies between -1 and 0 and is cut off "
       "to 0. Allocate it as float.")
def elu(x, alpha=1.0):
    out = np.zeros_like(x)
    out[x > 0] = x[x > 0]
    out[x <= 0] = alpha * np.expm1(x[x <= 0])
    return out


# --- elu_derivative ----------------------------------------------------------------------------------------------


@right("exp where it is needed")
def elu_derivative(x, alpha=1.0):
    d = np.ones(np.shape(x))
    left = x <= 0
    d[left] = alpha * np.exp(x[left])
    return d


@right("from the value")
def elu_derivative(x, alpha=1.0):
    value = np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))
    return np.where(x > 0, 1.0, value + alpha)


@wrong("overflows on the right", "np.where computes e^x for every entry, also for x = 1000 where the derivative is 1: "
       "that overflows with a warning. Cut x off at 0 inside the exponential.")
def elu_derivative(x, alpha=1.0):
    return np.where(x > 0, 1.0, alpha * np.exp(x))


@wrong("one at zero", "At x = 0 your derivative is 1: where alpha is not 1 the curve has a kink there, and the left "
       "side's slope counts, alpha.")
def elu_derivative(x, alpha=1.0):
    return np.where(x >= 0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))


@wrong("without alpha", "Left of 0 your derivative is e^x: alpha multiplies the curve there, so it multiplies the slope "
       "as well.")
def elu_derivative(x, alpha=1.0):
    return np.where(x > 0, 1.0, np.exp(np.minimum(x, 0.0)))


@wrong("takes the value for the input", "x + alpha is the derivative where x is the ELU's value; here x is its input, and "
       "the derivative there is alpha e^x.")
def elu_derivative(x, alpha=1.0):
    return np.where(x > 0, 1.0, x + alpha)


@wrong("keeps the constant", "You differentiate alpha (e^x - 1) and keep the -1: a constant has no slope, so that "
       "alpha e^x is left, which is never negative.")
def elu_derivative(x, alpha=1.0):
    return np.where(x > 0, 1.0, alpha * np.expm1(np.minimum(x, 0.0)))


@wrong("nothing on the left", "Left of 0 your derivative is 0, that of a ReLU: an ELU still falls there, and passes "
       "alpha e^x.")
def elu_derivative(x, alpha=1.0):
    return np.where(x > 0, 1.0, 0.0)


@wrong("alpha as a slope", "Left of 0 your derivative is alpha everywhere, as if the ELU were a leaky ReLU: its curve "
       "flattens out, with slope alpha e^x.")
def elu_derivative(x, alpha=1.0):
    return np.where(x > 0, 1.0, alpha)


# --- maxout ------------------------------------------------------------------------------------------------------


@right("einsum")
def maxout(x, W, b):
    pieces = np.einsum("nd,kdm->knm", x, W) + b[:, np.newaxis]
    return np.max(np.asarray(pieces, dtype=float), axis=0)


@right("one layer after the other")
def maxout(x, W, b):
    out = np.full((len(x), W.shape[2]), -np.inf)
    for i in range(len(W)):
        out = np.maximum(out, x @ W[i] + b[i])
    return out


@right("one wide layer")
def maxout(x, W, b):
    k, d, m = W.shape
    wide = x.astype(float) @ W.transpose(1, 0, 2).reshape(d, k * m) + b.reshape(k * m)
    return wide.reshape(len(x), k, m).max(axis=1)


@wrong("sum of the pieces", "You add the pieces up: k affine functions added are one affine function, with nothing left "
       "that bends. Take the largest of them.")
def maxout(x, W, b):
    return np.sum(x @ W + b[:, None, :], axis=0) * 1.0


@wrong("largest product, largest bias", "You take the largest product and the largest bias separately, and they may come "
       "from different pieces: add each bias to its own product first.")
def maxout(x, W, b):
    return np.max(x @ W, axis=0) + np.max(b, axis=0) * 1.0


@wrong("cut off at zero", "You start the maximum from 0, so that no output is negative: a maxout unit has no flat part; "
       "where all pieces are negative, so is the largest.")
def maxout(x, W, b):
    out = np.zeros((len(x), W.shape[2]))
    for i in range(len(W)):
        out = np.maximum(out, x @ W[i] + b[i])
    return out


@wrong("first two pieces", "You compare the first two pieces only: there are k of them, the length of W's first axis.")
def maxout(x, W, b):
    first = x @ W[0] + b[0]
    return first * 1.0 if len(W) == 1 else np.maximum(first, x @ W[1] + b[1]) * 1.0


@wrong("biases meet examples", "b of shape (k, m) is added to products of shape (k, N, m): NumPy then matches the pieces' "
       "biases with the examples, which fails, or, for N = k, is wrong in silence. Give b the shape (k, 1, m).")
def maxout(x, W, b):
    return np.max(x @ W + b, axis=0) * 1.0


@wrong("maximum over the examples", "Your maximum runs over the examples: that leaves one value per piece and unit. "
       "It is the pieces that compete, axis 0 of a (k, N, m) array.")
def maxout(x, W, b):
    return np.max(x @ W + b[:, None, :], axis=1) * 1.0


@wrong("maximum over the units", "Your maximum runs over the units of each piece: each unit keeps the largest of its own "
       "k pieces, so the result has shape (N, m).")
def maxout(x, W, b):
    return np.max(x @ W + b[:, None, :], axis=2) * 1.0


@wrong("keeps integers", "Your outputs are right, but from integers they are an array of integers: results are float64.")
def maxout(x, W, b):
    return np.max(x @ W + b[:, None, :], axis=0)


@wrong("without the biases", "You leave out b: each of the k pieces has its own bias, and it takes part in the "
       "comparison.")
def maxout(x, W, b):
    return np.max(x @ W, axis=0) * 1.0


# --- saturated_fraction ------------------------------------------------------------------------------------------


@right("distance to the nearer end")
def saturated_fraction(a, low, high, tol=0.05):
    nearest = np.minimum(np.abs(a - low), np.abs(high - a))
    return float((nearest <= tol * (high - low)).mean())


@right("counts what is between")
def saturated_fraction(a, low, high, tol=0.05):
    places = (np.ravel(a) - low) / (high - low)
    between = sum(1 for place in places.tolist() if tol < place < 1 - tol)
    return 1 - between / np.size(a)


@wrong("tolerance in units", "Your tolerance is measured in units of the activation and not by the width of its range: "
       "tanh, twice as wide as a sigmoid, would count as less saturated for no reason. Multiply it by high - low.")
def saturated_fraction(a, low, high, tol=0.05):
    return np.mean((a <= low + tol) | (a >= high - tol))


@wrong("upper end only", "You count what is near the upper end alone: a sigmoid at 0 is as flat as one at 1, and both "
       "ends count.")
def saturated_fraction(a, low, high, tol=0.05):
    return np.mean(a >= high - tol * (high - low))


@wrong("lower end only", "You count what is near the lower end alone: at the upper end the curve is as flat, and both "
       "ends count.")
def saturated_fraction(a, low, high, tol=0.05):
    return np.mean(a <= low + tol * (high - low))


@wrong("both ends at once", "You ask for activations that are near the lower end and near the upper end at once: join the "
       "two comparisons with or, not with and.")
def saturated_fraction(a, low, high, tol=0.05):
    return np.mean((a <= low + tol * (high - low)) & (a >= high - tol * (high - low)))


@wrong("strictly within", "An activation at exactly the distance tol (high - low) is left out by your <: the limit itself "
       "counts, so that with tol = 0 the ends are still found.")
def saturated_fraction(a, low, high, tol=0.05):
    margin = tol * (high - low)
    return np.mean((a < low + margin) | (a > high - margin))


@wrong("counts twice", "You add the shares of the two ends: once tol reaches one half they overlap, and an activation in "
       "both is counted twice. Join the conditions before you count.")
def saturated_fraction(a, low, high, tol=0.05):
    margin = tol * (high - low)
    return np.mean(a <= low + margin) + np.mean(a >= high - margin)


@wrong("percent", "Your share is 100 times as large, in percent: a share lies between 0 and 1.")
def saturated_fraction(a, low, high, tol=0.05):
    margin = tol * (high - low)
    return 100 * float(np.mean((a <= low + margin) | (a >= high - margin)))


@wrong("ends of the data", "You measure from the smallest and the largest activation at hand: the ends are "
       "those of the curve, low and high, and a layer that keeps to the middle is not saturated at all.")
def saturated_fraction(a, low, high, tol=0.05):
    low, high = np.min(a), np.max(a)
    margin = tol * (high - low)
    return float(np.mean((a <= low + margin) | (a >= high - margin)))


@wrong("a count", "You return how many activations are saturated: the share is that number over the number of all "
       "activations.")
def saturated_fraction(a, low, high, tol=0.05):
    margin = tol * (high - low)
    return float(np.sum((a <= low + margin) | (a >= high - margin)))


@wrong("another default", "Without a tolerance given, yours is 0.01: the default here is 0.05, a twentieth of the range.")
def saturated_fraction(a, low, high, tol=0.01):
    margin = tol * (high - low)
    return np.mean((a <= low + margin) | (a >= high - margin))


@wrong("a share per unit", "You return one share per unit: the mean runs over all entries of the array, whatever its "
       "shape, and gives one number.")
def saturated_fraction(a, low, high, tol=0.05):
    margin = tol * (high - low)
    return np.mean((a <= low + margin) | (a >= high - margin), axis=0)


@wrong("the share that is left", "You return the share of activations that are not saturated: yours and the right one "
       "add up to 1.")
def saturated_fraction(a, low, high, tol=0.05):
    margin = tol * (high - low)
    return np.mean((a > low + margin) & (a < high - margin))


# --- dead_units --------------------------------------------------------------------------------------------------


@right("the largest decides")
def dead_units(preactivations):
    return np.max(preactivations, axis=0) <= 0


@right("counts what passes")
def dead_units(preactivations):
    return ~(preactivations > 0).any(axis=0)


@right("loops")
def dead_units(preactivations):
    return np.array([not any(z > 0 for z in column) for column in preactivations.T.tolist()], dtype=bool)


@wrong("zero counts as on", "A unit that never gets above 0 but is at exactly 0 for an example counts as alive in yours: "
       "the derivative of ReLU at 0 is 0, so it gets no gradient there either. Compare with <=.")
def dead_units(preactivations):
    return np.all(preactivations < 0, axis=0)


@wrong("any in place of all", "You call a unit dead if it is off for one example: that is what a ReLU does all the time, "
       "and it learns from the others. Dead is off for all of them.")
def dead_units(preactivations):
    return np.any(preactivations <= 0, axis=0)


@wrong("examples in place of units", "You ask, for each example, whether all units are off: units are columns, so the "
       "question runs over the examples, axis 0.")
def dead_units(preactivations):
    return np.all(preactivations <= 0, axis=1)


@wrong("off on average", "You look at the mean preactivation: a unit that is negative on average is still on for some "
       "examples, and learns from them.")
def dead_units(preactivations):
    return np.mean(preactivations, axis=0) <= 0


@wrong("the living", "Your answer is turned round: it is True for units that are on for some example, and those are "
       "alive.")
def dead_units(preactivations):
    return np.any(preactivations > 0, axis=0)


@wrong("how many", "You return how many units are dead: which ones is asked, as an array with one True or False per unit.")
def dead_units(preactivations):
    return int(np.sum(np.all(preactivations <= 0, axis=0)))


@wrong("shares", "You return the share of examples for which each unit is off: dead is a yes or no, and yes means that "
       "this share is 1.")
def dead_units(preactivations):
    return np.mean(preactivations <= 0, axis=0)


@wrong("exactly zero", "You look for preactivations that are exactly 0, as the activations of dead units are: before the "
       "ReLU they are 0 or negative.")
def dead_units(preactivations):
    return np.all(preactivations == 0, axis=0)


# --- gradient_check ----------------------------------------------------------------------------------------------


@right("flat views and the old number put back")
def gradient_check(f, x, analytic, h=1e-5):
    point = np.array(x, dtype=np.float64)
    errors = []
    it = np.nditer(point, flags=["multi_index"])
    while not it.finished:
        i = it.multi_index
        old = point[i]
        point[i] = old + h
        above = f(point)
        point[i] = old - h
        below = f(point)
        point[i] = old
        num = (above - below) / (2 * h)
        errors.append(abs(num - analytic[i]) / max(abs(num) + abs(analytic[i]), 1e-8))
        it.iternext()
    return float(np.max(errors))


@right("unit steps")
def gradient_check(f, x, analytic, h=1e-5):
    num = np.empty(x.size)
    for i in range(x.size):
        e = np.zeros(x.size)
        e[i] = 1.0
        e = h * e.reshape(x.shape)
        num[i] = 0.5 * f(x + e) / h - 0.5 * f(x - e) / h
    ana = np.ravel(analytic)
    return np.max(np.abs(num - ana) / np.maximum(1e-8, np.abs(num) + np.abs(ana)))


@wrong("one-sided differences", "You take the difference from x to x + h: its error shrinks with h only, that of the "
       "central difference, from x - h to x + h, with h^2.")
def gradient_check(f, x, analytic, h=1e-5):
    worst = 0.0
    for i in np.ndindex(x.shape):
        above = np.array(x, dtype=float)
        above[i] += h
        num, ana = (f(above) - f(np.array(x, dtype=float))) / h, analytic[i]
        worst = max(worst, abs(num - ana) / max(1e-8, abs(num) + abs(ana)))
    return worst


@wrong("divides by h", "You divide f(x + h) - f(x - h) by h: the two points lie 2h apart, so every slope comes out twice "
       "as large.")
def gradient_check(f, x, analytic, h=1e-5):
    worst = 0.0
    for i in np.ndindex(x.shape):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        num, ana = (f(above) - f(below)) / h, analytic[i]
        worst = max(worst, abs(num - ana) / max(1e-8, abs(num) + abs(ana)))
    return worst


@wrong("the mean error", "You return the mean error: a single wrong entry among many right ones then looks harmless. The "
       "largest is asked.")
def gradient_check(f, x, analytic, h=1e-5):
    errors = []
    for i in np.ndindex(x.shape):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        num, ana = (f(above) - f(below)) / (2 * h), analytic[i]
        errors.append(abs(num - ana) / max(1e-8, abs(num) + abs(ana)))
    return np.mean(errors)


@wrong("the absolute error", "You return the largest difference as it is: 0.01 is nothing for a gradient of 1000 and "
       "everything for one of 0.01. Divide it by the sum of both sizes.")
def gradient_check(f, x, analytic, h=1e-5):
    worst = 0.0
    for i in np.ndindex(x.shape):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        worst = max(worst, abs((f(above) - f(below)) / (2 * h) - analytic[i]))
    return worst


@wrong("one norm for all", "You compare the norms of whole vectors, |num - ana| / (|num| + |ana|): a wrong entry that is "
       "small beside the others vanishes in them. Judge each entry by itself.")
def gradient_check(f, x, analytic, h=1e-5):
    num = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        num[i] = (f(above) - f(below)) / (2 * h)
    norm = lambda v: np.sqrt(np.sum(v**2))
    return norm(num - analytic) / max(1e-8, norm(num) + norm(analytic))


@wrong("moves x and back", "You add h to x, take 2h away and add h again: by rounding that is not always the number you "
       "began with. The caller's x has changed in its last bits; put the old number back or work on a copy.")
def gradient_check(f, x, analytic, h=1e-5):
    worst = 0.0
    for i in np.ndindex(x.shape):
        x[i] += h
        above = f(x)
        x[i] -= 2 * h
        below = f(x)
        x[i] += h
        num, ana = (above - below) / (2 * h), analytic[i]
        worst = max(worst, abs(num - ana) / max(1e-8, abs(num) + abs(ana)))
    return worst


@wrong("steps of integers cut off", "You copy x as it is: if it holds integers, x + h is cut off to x in the copy, and "
       "every slope is 0. Copy it as float.")
def gradient_check(f, x, analytic, h=1e-5):
    worst = 0.0
    for i in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[i] = above[i] + h
        below[i] = below[i] - h
        num, ana = (f(above) - f(below)) / (2 * h), analytic[i]
        worst = max(worst, abs(num - ana) / max(1e-8, abs(num) + abs(ana)))
    return worst


@wrong("whole rows at once", "You change x[i] for i up to len(x): in an array of two axes that moves a whole row, and "
       "measures the sum of its slopes. Go through every entry, with np.ndindex(x.shape).")
def gradient_check(f, x, analytic, h=1e-5):
    worst = 0.0
    for i in range(len(x)):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        num, ana = (f(above) - f(below)) / (2 * h), analytic[i]
        worst = max(worst, np.max(np.abs(num - ana) / np.maximum(1e-8, np.abs(num) + np.abs(ana))))
    return worst


@wrong("all entries at once", "You move all entries of x together: that measures the slope along one direction, the sum "
       "of all partial derivatives, and compares it with each of them. Move one entry at a time.")
def gradient_check(f, x, analytic, h=1e-5):
    num = (f(x + h) - f(x - h)) / (2 * h)
    return np.max(np.abs(num - analytic) / np.maximum(1e-8, np.abs(num) + np.abs(analytic)))


@wrong("no floor", "Where the gradient is 0 on both sides you divide 0 by 0: the sum below the line needs a floor of "
       "1e-8.")
def gradient_check(f, x, analytic, h=1e-5):
    worst = []
    for i in np.ndindex(x.shape):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        num, ana = np.float64((f(above) - f(below)) / (2 * h)), np.float64(analytic[i])
        worst.append(np.abs(num - ana) / (np.abs(num) + np.abs(ana)))
    return np.max(worst)


@wrong("floor added", "You add 1e-8 to the sum below the line: it is a floor, so the larger of the two counts, and where "
       "the gradient is small an added one would hide half of the error.")
def gradient_check(f, x, analytic, h=1e-5):
    worst = 0.0
    for i in np.ndindex(x.shape):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        num, ana = (f(above) - f(below)) / (2 * h), analytic[i]
        worst = max(worst, abs(num - ana) / (abs(num) + abs(ana) + 1e-8))
    return worst


@wrong("relative to the analytic value", "You divide by the size of the analytic value alone: here it is the "
       "sum of both sizes, so that neither of the two is taken for the truth.")
def gradient_check(f, x, analytic, h=1e-5):
    worst = 0.0
    for i in np.ndindex(x.shape):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        num, ana = (f(above) - f(below)) / (2 * h), analytic[i]
        worst = max(worst, abs(num - ana) / max(1e-8, abs(ana)))
    return worst


@wrong("relative to the larger", "You divide by the larger of the two sizes: here it is their sum, so that a wrong sign "
       "has the error 1 and not 2.")
def gradient_check(f, x, analytic, h=1e-5):
    worst = 0.0
    for i in np.ndindex(x.shape):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        num, ana = (f(above) - f(below)) / (2 * h), analytic[i]
        worst = max(worst, abs(num - ana) / max(1e-8, abs(num), abs(ana)))
    return worst


@wrong("another step", "Without a step given, yours is 1e-4: the default is 1e-5, near the best compromise between the "
       "error of a long step and the rounding of a short one.")
def gradient_check(f, x, analytic, h=1e-4):
    worst = 0.0
    for i in np.ndindex(x.shape):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        num, ana = (f(above) - f(below)) / (2 * h), analytic[i]
        worst = max(worst, abs(num - ana) / max(1e-8, abs(num) + abs(ana)))
    return worst


# --- questions ---------------------------------------------------------------------------------------------------

catalogue.wrong_answer("answer_1", "a", "The product has more factors than the activations' ones: think of what else the "
                       "gradient meets between one layer and the next.")
catalogue.wrong_answer("answer_1", "b", "Saturation is one way to lose a gradient, and not the only one: multiply a "
                       "signal by 0.5 ten times, without any saturation.")
catalogue.wrong_answer("answer_1", "d", "The bound of a quarter per layer belongs to the sigmoid; a ReLU that is on "
                       "passes four times as much, and no bound on the activation alone speaks of the whole product.")
catalogue.wrong_answer("answer_2", "b", "The inputs are positive, but each is multiplied by the gradient at the unit's "
                       "preactivation: what if that is negative?")
catalogue.wrong_answer("answer_2", "c", "Each unit has its own gradient at its preactivation: some units of a layer are "
                       "asked for more and others for less, whatever the sign of their inputs.")
catalogue.wrong_answer("answer_2", "d", "Examples may disagree: one asks the unit for more, another for less, and a sum "
                       "of vectors of both signs need not have one sign.")
catalogue.wrong_answer("answer_3", "a", "The unit's gradient is exactly 0: a smaller learning rate multiplies it by a "
                       "smaller number.")
catalogue.wrong_answer("answer_3", "b", "What a unit of the first layer computes depends on its own weights and on the "
                       "data, and on no other unit; and neither of those changes.")
catalogue.wrong_answer("answer_3", "c", "The unit's gradient is exactly 0: a learning rate multiplies it, and a hundred "
                       "times 0 is no jump.")
