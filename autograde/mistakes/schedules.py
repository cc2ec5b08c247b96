"""Topic 03: mistakes with learning-rate schedules, and right answers written otherwise."""

import math

import numpy as np

from autograde.mistakes import Catalogue

catalogue = Catalogue(
    "03_schedules",
    sections={
        "step_decay": "Step decay",
        "exponential_decay": "Smooth decays",
        "inverse_time_decay": "How slowly must the rate fall?",
        "linear_decay": "Smooth decays",
        "cosine_decay": "Smooth decays",
        "cosine_restarts": "Warm restarts and snapshot ensembles",
        "warmup": "Warm-up",
        "halve_on_plateau": "Let the validation error decide",
        "scaled_lr": "Batch size and learning rate",
        "answer_1": "The noise floor",
        "answer_2": "How slowly must the rate fall?",
        "answer_3": "Step decay",
        "answer_4": "Batch size and learning rate",
    },
)
wrong, right = catalogue.wrong, catalogue.right


# --- step_decay ---------------------------------------------------------------------------------------------


@right("integer division")
def step_decay(t, lr0, factor, every):
    return lr0 * factor ** (t // every)


@right("one step at a time")
def step_decay(t, lr0, factor, every):
    def at(step):
        rate = lr0
        while step >= every:
            rate, step = rate * factor, step - every
        return rate

    if np.ndim(t) == 0:
        return at(t)
    return np.array([at(step) for step in np.ravel(t)], dtype=float).reshape(np.shape(t))


@wrong("no floor", "Your rate falls a little at every step: without rounding t / every down there are no "
       "stages, and what you have is an exponential decay.")
def step_decay(t, lr0, factor, every):
    return lr0 * factor ** (t / every)


@wrong("rounds up", "Your first drop comes at step 1: t / every is rounded up, so that only step 0 itself "
       "keeps lr0. The first stage lasts from 0 to every - 1.")
def step_decay(t, lr0, factor, every):
    return lr0 * factor ** np.ceil(t / every)


@wrong("rounds to the nearest", "Your drops come in the middle of a stage: t / every is rounded to the "
       "nearest whole number, and a drop is due only when a stage is over, so round down.")
def step_decay(t, lr0, factor, every):
    return lr0 * factor ** np.round(t / every)


@wrong("a step early", "Your drops come one step early: steps count from 0, so the first stage is 0 to "
       "every - 1 and the drop shows at t = every.")
def step_decay(t, lr0, factor, every):
    return lr0 * factor ** ((t + 1) // every)


@wrong("a step late", "Your drops come one step late: at t = every, the first stage has already had its "
       "`every` steps, 0 to every - 1.")
def step_decay(t, lr0, factor, every):
    return lr0 * factor ** (np.maximum(t - 1, 0) // every)


@wrong("drops only once", "Your rate drops once and never again: each further `every` steps bring another "
       "drop, so the factor is raised to the number of drops.")
def step_decay(t, lr0, factor, every):
    return np.where(t < every, lr0, lr0 * factor)[()]


@wrong("factor times the number of drops", "You multiply the factor by the number of drops: drops follow "
       "one another, each on what the last one left, so the factor is raised to that power.")
def step_decay(t, lr0, factor, every):
    drops = t // every
    return np.where(drops > 0, lr0 * factor * drops, lr0)[()]


@wrong("divides by the factor", "Your rate grows: it is divided by the factor at each drop, and a factor "
       "of 0.1 means that a tenth of the rate is left.")
def step_decay(t, lr0, factor, every):
    return lr0 / factor ** (t // every)


@wrong("one number only", "Your function takes one step at a time: int(...) cannot round an array of steps "
       "down, and `//` does it for an int and for an array alike.")
def step_decay(t, lr0, factor, every):
    return lr0 * factor ** int(t / every)


# --- exponential_decay --------------------------------------------------------------------------------------


@right("a power of the share that is kept")
def exponential_decay(t, lr0, k):
    return float(lr0) * math.exp(-k) ** np.asarray(t)


@right("element by element")
def exponential_decay(t, lr0, k):
    if isinstance(t, np.ndarray):
        return np.array([lr0 / math.exp(k * step) for step in t.flat]).reshape(t.shape)
    return lr0 / math.exp(k * t)


@wrong("the rate to a power", "You raise lr0 itself to the power -k t, as one of the slides prints it: at "
       "t = 0 that gives 1 whatever lr0 is, and for lr0 below 1 it grows.")
def exponential_decay(t, lr0, k):
    return lr0 ** (-k * t)


@wrong("grows", "Your rate grows: the exponent lacks its minus sign.")
def exponential_decay(t, lr0, k):
    return lr0 * np.exp(k * t)


@wrong("k as a factor", "You take k for the factor that the rate is multiplied by at each step, as "
       "PyTorch's ExponentialLR takes its gamma. Here that factor is e^(-k), so that k = 0 means no decay.")
def exponential_decay(t, lr0, k):
    return lr0 * k**t


@wrong("to the base 2", "Your rate halves in 1/k steps: it is a power of 2 and not of e. Both are "
       "exponential, but k means another speed.")
def exponential_decay(t, lr0, k):
    return lr0 * 2.0 ** (-k * t)


@wrong("k as a time", "You divide t by k, as if k were the number of steps in which the rate falls to 1/e. "
       "Here k is the decay per step, and multiplies t.")
def exponential_decay(t, lr0, k):
    with np.errstate(divide="ignore", invalid="ignore"):
        return lr0 * np.exp(-np.asarray(t) / k)


@wrong("compound interest", "You take away the share k at each step, (1 - k)^t: that is close to e^(-k t) "
       "for a small k, and something else for a large one.")
def exponential_decay(t, lr0, k):
    return lr0 * (1 - k) ** t


@wrong("one number only", "math.exp takes one number, so your function fails for an array of steps: np.exp "
       "takes both.")
def exponential_decay(t, lr0, k):
    return lr0 * math.exp(-k * t)


# --- inverse_time_decay -------------------------------------------------------------------------------------


@right("by the reciprocal")
def inverse_time_decay(t, lr0, k):
    return 1.0 / (1.0 / lr0 + (k / lr0) * np.asarray(t, dtype=float))


@right("element by element")
def inverse_time_decay(t, lr0, k):
    if np.ndim(t) == 0:
        return lr0 * (1 + k * t) ** -1.0
    return np.vectorize(lambda step: lr0 / (1 + k * step), otypes=[float])(t)


@wrong("without the 1", "Your denominator is k t alone: at t = 0 it divides by zero, and the 1 in front "
       "makes the rate there equal to lr0.")
def inverse_time_decay(t, lr0, k):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(lr0, k * t)


@wrong("a power of t", "You raise 1 + k to the power t: that is an exponential decay, which falls far "
       "faster than 1/t, too fast for its rates to have an infinite sum.")
def inverse_time_decay(t, lr0, k):
    return lr0 / (1.0 + k) ** t


@wrong("k as a time", "You divide t by k where the formula multiplies: with a larger k the rate should "
       "fall faster.")
def inverse_time_decay(t, lr0, k):
    with np.errstate(divide="ignore", invalid="ignore"):
        return lr0 / (1 + np.divide(t, k))


@wrong("the square root", "Your rate falls as 1/sqrt(t): a decay of its own that some use, but slower than "
       "this one, and the sum of its squares is infinite.")
def inverse_time_decay(t, lr0, k):
    return lr0 / np.sqrt(1 + k * t)


@wrong("squared", "Your denominator is squared: a rate that falls as 1/t^2 has a finite sum, and may stop "
       "before it has arrived.")
def inverse_time_decay(t, lr0, k):
    return lr0 / (1 + k * t) ** 2


@wrong("from step 1", "You count steps from 1: at t = 0 your rate has already decayed once, and should "
       "still be lr0.")
def inverse_time_decay(t, lr0, k):
    return lr0 / (1 + k * (t + 1))


@wrong("whole numbers", "You divide with `//`, which rounds down: the rates between whole numbers are "
       "lost, and a rate below 1 becomes 0.")
def inverse_time_decay(t, lr0, k):
    return lr0 // (1 + k * t)


# --- linear_decay -------------------------------------------------------------------------------------------


@right("interpolation")
def linear_decay(t, lr0, lr_end, tau):
    return np.interp(t, [0, tau], [lr0, lr_end])


@right("two cases")
def linear_decay(t, lr0, lr_end, tau):
    if np.ndim(t):
        return np.where(t < tau, lr0 + (lr_end - lr0) * t / tau, float(lr_end))
    return lr_end if t >= tau else lr0 - t * (lr0 - lr_end) / tau


@wrong("lr_end as a floor", "You hold the line at lr_end by a maximum: that works where the line falls, and with lr_end "
       "above lr0 it gives lr_end from the start. Bound the share t/tau by 1.")
def linear_decay(t, lr0, lr_end, tau):
    return np.maximum((1 - t / tau) * lr0 + t / tau * lr_end, lr_end)


@wrong("never stops", "Your line goes on after tau: the rate falls below lr_end, and soon below 0, where "
       "each step climbs. From tau on it should stay at lr_end.")
def linear_decay(t, lr0, lr_end, tau):
    return (1 - t / tau) * lr0 + (t / tau) * lr_end


@wrong("ends at 0", "Your line runs to 0 and is cut off when it meets lr_end, before tau: it should aim at "
       "lr_end itself, and reach it at tau.")
def linear_decay(t, lr0, lr_end, tau):
    return np.maximum((1 - t / tau) * lr0, lr_end)


@wrong("stops at 0", "From tau on your rate is 0: training would stand still. It should stay at lr_end.")
def linear_decay(t, lr0, lr_end, tau):
    share = t / tau
    return np.where(t < tau, (1 - share) * lr0 + share * lr_end, 0.0)[()]


@wrong("ends exchanged", "You have the two ends exchanged: at t = 0 the share of lr0 is 1, and it is "
       "lr_end that gains t/tau.")
def linear_decay(t, lr0, lr_end, tau):
    share = np.minimum(t / tau, 1)
    return share * lr0 + (1 - share) * lr_end


@wrong("forgets lr_end", "Your rate falls to 0 at tau and jumps up to lr_end afterwards: the second term "
       "of the line, (t/tau) lr_end, is missing.")
def linear_decay(t, lr0, lr_end, tau):
    return np.where(t < tau, (1 - t / tau) * lr0, float(lr_end))[()]


@wrong("decays in the exponent", "Equal steps of the logarithm are not equal steps of the rate: you "
       "interpolate geometrically, which gives an exponential decay from lr0 to lr_end.")
def linear_decay(t, lr0, lr_end, tau):
    with np.errstate(divide="ignore"):
        return lr0 * np.power(lr_end / lr0, np.minimum(t / tau, 1))


@wrong("arrives a step early", "Your rate is at lr_end one step early: t counts from 0, and the decay "
       "takes tau steps and not tau - 1.")
def linear_decay(t, lr0, lr_end, tau):
    share = np.minimum(t / max(tau - 1, 1), 1)
    return (1 - share) * lr0 + share * lr_end


@wrong("one number only", "`if` and min decide once for all steps, so your function fails for an array of "
       "them: np.minimum and np.where decide for each step by itself.")
def linear_decay(t, lr0, lr_end, tau):
    if t >= tau:
        return float(lr_end)
    return (1 - t / tau) * lr0 + (t / tau) * lr_end


# --- cosine_decay -------------------------------------------------------------------------------------------


@right("half-angle")
def cosine_decay(t, lr0, total):
    return lr0 * np.cos(np.pi / 2 * np.clip(np.asarray(t) / total, 0, 1)) ** 2


@right("two cases")
def cosine_decay(t, lr0, total):
    if isinstance(t, np.ndarray):
        rates = np.zeros(t.shape)
        rates[t < total] = 0.5 * lr0 * (1 + np.cos(t[t < total] * math.pi / total))
        return rates
    return 0.5 * lr0 * (1 + math.cos(t * math.pi / total)) if t < total else 0.0


@wrong("comes back", "After `total` steps your rate climbs again, because the cosine is periodic: from "
       "there on it should stay at 0.")
def cosine_decay(t, lr0, total):
    return 0.5 * lr0 * (1 + np.cos(np.pi * t / total))


@wrong("without the half", "Your rate starts at 2 lr0: 1 + cos runs from 2 to 0, and the half is missing.")
def cosine_decay(t, lr0, total):
    return lr0 * (1 + np.cos(np.pi * np.minimum(t / total, 1)))


@wrong("without pi", "Your angle reaches 1 at `total` where it should reach pi: the cosine has then fallen "
       "to 0.54 only, and the rate never comes near 0.")
def cosine_decay(t, lr0, total):
    share = t / total
    return np.where(share < 1, lr0 * (1 + np.cos(share)) / 2, 0.0)[()]


@wrong("a quarter of a period", "You follow a quarter of a cosine, from 1 to 0: it falls steeply to the "
       "last step, where half a period, lifted by 1 and halved, comes to rest gently.")
def cosine_decay(t, lr0, total):
    return lr0 * np.cos(np.pi / 2 * np.minimum(t / total, 1))


@wrong("a whole period", "Your angle reaches 2 pi at `total`: the rate is 0 halfway and comes back to lr0. "
       "Half a period is wanted.")
def cosine_decay(t, lr0, total):
    return lr0 * (1 + np.cos(2 * np.pi * np.minimum(t / total, 1))) / 2


@wrong("upside down", "Your rate climbs from 0 to lr0: the cosine has the wrong sign.")
def cosine_decay(t, lr0, total):
    return lr0 * (1 - np.cos(np.pi * np.minimum(t / total, 1))) / 2


@wrong("arrives a step early", "Your rate is 0 already at t = total - 1: steps count from 0, the last one "
       "of training is total - 1, and at rate 0 it would learn nothing.")
def cosine_decay(t, lr0, total):
    return lr0 * (1 + np.cos(np.pi * np.minimum(t / max(total - 1, 1), 1))) / 2


@wrong("keeps lr0 after the end", "After `total` steps your rate is lr0 again: t % total starts a new "
       "cycle, which is a warm restart. Here the rate stays at 0.")
def cosine_decay(t, lr0, total):
    return lr0 * (1 + np.cos(np.pi * (t % total) / total)) / 2


@wrong("one number only", "`if` and math.cos decide for one step, so your function fails for an array: use "
       "np.minimum and np.cos, which take both.")
def cosine_decay(t, lr0, total):
    if t >= total:
        return 0.0
    return lr0 * (1 + math.cos(math.pi * t / total)) / 2


# --- cosine_restarts ----------------------------------------------------------------------------------------


@right("peels off cycles, step by step")
def cosine_restarts(t, lr0, period, growth=1):
    def at(step):
        length = period
        while step >= length:
            step, length = step - length, length * growth
        return 0.5 * lr0 * (1 + math.cos(math.pi * step / length))

    if np.ndim(t) == 0:
        return at(int(t))
    return np.array([at(int(step)) for step in np.ravel(t)]).reshape(np.shape(t))


@right("lists the restarts")
def cosine_restarts(t, lr0, period, growth=1):
    if growth == 1:
        return lr0 * np.cos(np.pi / 2 * (np.asarray(t) % period) / period) ** 2
    starts, lengths = [0], [period]
    while starts[-1] + lengths[-1] <= np.max(t):
        starts.append(starts[-1] + lengths[-1])
        lengths.append(lengths[-1] * growth)
    cycle = np.searchsorted(starts, t, side="right") - 1
    s = t - np.array(starts)[cycle]
    return lr0 * (1 + np.cos(np.pi * s / np.array(lengths)[cycle])) / 2


@wrong("ignores growth", "All your cycles have the same length: with growth = 2 each should be twice as "
       "long as the one before, and growth is not in your formula.")
def cosine_restarts(t, lr0, period, growth=1):
    return lr0 * (1 + np.cos(np.pi * (t % period) / period)) / 2


@wrong("cycle from a logarithm", "You find the cycle by a logarithm, and its rounding puts some restarts "
       "at the end of the cycle before, where the rate is 0 and not lr0. Count cycles in integers.")
def cosine_restarts(t, lr0, period, growth=1):
    if growth == 1:
        return lr0 * (1 + np.cos(np.pi * (t % period) / period)) / 2
    cycle = np.floor(np.log(np.asarray(t) / period * (growth - 1) + 1) / np.log(growth))
    s = t - period * (float(growth) ** cycle - 1) / (growth - 1)
    return lr0 * (1 + np.cos(np.pi * s / (period * float(growth) ** cycle))) / 2


@wrong("grows by addition", "Your cycles last 1, 2, 3, ... periods: growth multiplies the length of the "
       "cycle before, so the lengths are period, period growth, period growth^2, ...")
def cosine_restarts(t, lr0, period, growth=1):
    def at(step):
        length = period
        while step >= length:
            step, length = step - length, length + period * (growth - 1)
        return lr0 * (1 + math.cos(math.pi * step / length)) / 2

    return np.vectorize(at, otypes=[float])(t)[()]


@wrong("last step at zero", "Your cycles are one step too long: they end with a step at rate 0, which "
       "learns nothing, and all later restarts come too late. At s = T the next cycle begins.")
def cosine_restarts(t, lr0, period, growth=1):
    def at(step):
        length, step = (period, step % (period + 1)) if growth == 1 else (period, step)
        while step > length:
            step, length = step - length - 1, length * growth
        return lr0 * (1 + math.cos(math.pi * step / length)) / 2

    return np.vectorize(at, otypes=[float])(t)[()]


@wrong("old length", "Your restarts are in the right places, but in each cycle the cosine still runs over "
       "the length of the first one: in a longer cycle it has to be stretched.")
def cosine_restarts(t, lr0, period, growth=1):
    def at(step):
        length, step = (period, step % period) if growth == 1 else (period, step)
        while step >= length:
            step, length = step - length, length * growth
        return lr0 * (1 + math.cos(math.pi * step / period)) / 2

    return np.vectorize(at, otypes=[float])(t)[()]


@wrong("restarts lower each time", "Your restarts come back to less than lr0: half of it, then a quarter. "
       "That is a schedule of its own; here each restart is at the full rate.")
def cosine_restarts(t, lr0, period, growth=1):
    def at(step):
        cycle, length = (step // period, period) if growth == 1 else (0, period)
        step = step % period if growth == 1 else step
        while step >= length:
            step, length, cycle = step - length, length * growth, cycle + 1
        return lr0 * 0.5**cycle * (1 + math.cos(math.pi * step / length)) / 2

    return np.vectorize(at, otypes=[float])(t)[()]


@wrong("restarts counted from 0", "You place the n-th restart at period growth^n, as if it were counted "
       "from step 0: a cycle starts where the one before it ended, after the sum of all earlier lengths.")
def cosine_restarts(t, lr0, period, growth=1):
    def at(step):
        if growth == 1:
            start, length = step - step % period, period
        else:
            start, length = 0, period
            while step >= length:
                start, length = length, length * growth
        return lr0 * (1 + math.cos(math.pi * (step - start) / (length - (start if growth > 1 else 0)))) / 2

    return np.vectorize(at, otypes=[float])(t)[()]


@wrong("never restarts", "Your rate decays once and stays at 0: at the end of each cycle it should jump "
       "back to lr0.")
def cosine_restarts(t, lr0, period, growth=1):
    return lr0 * (1 + np.cos(np.pi * np.minimum(t / period, 1))) / 2


@wrong("grows by default", "Without an argument for it your growth is 2: the default is 1, cycles of equal "
       "length.")
def cosine_restarts(t, lr0, period, growth=2):
    def at(step):
        length, step = (period, step % period) if growth == 1 else (period, step)
        while step >= length:
            step, length = step - length, length * growth
        return lr0 * (1 + math.cos(math.pi * step / length)) / 2

    return np.vectorize(at, otypes=[float])(t)[()]


@wrong("changes t in place", "Your `t -= length` changes the caller's array of steps where it works, and "
       "`while t >= length` has no single answer for more than one step: take copies, and let np.where "
       "decide for each step.")
def cosine_restarts(t, lr0, period, growth=1):
    length = period
    while t >= length:
        t -= length
        length *= growth
    return lr0 * (1 + np.cos(np.pi * t / length)) / 2


@wrong("all steps in one cycle", "Your function takes one step at a time: `while t >= length` has no "
       "single answer for an array, whose steps are in different cycles.")
def cosine_restarts(t, lr0, period, growth=1):
    length = period
    while t >= length:
        t, length = t - length, length * growth
    return lr0 * (1 + math.cos(math.pi * t / length)) / 2


# --- warmup -------------------------------------------------------------------------------------------------


@right("two masks")
def warmup(t, steps, schedule):
    if np.ndim(t) == 0:
        return schedule(0) * (t + 1) / steps if t < steps else schedule(t - steps)
    rates, early = np.empty(t.shape), t < steps
    if early.any():
        rates[early] = schedule(0) / steps * (t[early] + 1)
    if not early.all():
        rates[~early] = schedule(t[~early] - steps)
    return rates


@right("step by step")
def warmup(t, steps, schedule):
    def at(step):
        return schedule(0) * ((step + 1) / steps) if step < steps else schedule(step - steps)

    if isinstance(t, np.ndarray):
        return np.array([at(int(step)) for step in t.ravel()], dtype=float).reshape(t.shape)
    return float(at(t))


@right("a share of the schedule")
def warmup(t, steps, schedule):
    share = np.minimum((np.asarray(t) + 1) / max(steps, 1), 1.0)
    return share * schedule(np.maximum(np.asarray(t) - steps, 0))


@wrong("starts at zero", "Your first step has the rate 0 and learns nothing, and the last one of the "
       "warm-up is still below the full rate: the climb is (t + 1) / steps.")
def warmup(t, steps, schedule):
    climb = schedule(0) * t / max(steps, 1)
    return np.where(t < steps, climb, schedule(np.maximum(t - steps, 0)))[()]


@wrong("schedule not delayed", "After the warm-up you ask the schedule for step t: it has then lost its "
       "first `steps` steps. It begins when the warm-up is over, so its own step is t - steps.")
def warmup(t, steps, schedule):
    climb = schedule(0) * (t + 1) / max(steps, 1)
    return np.where(t < steps, climb, schedule(t))[()]


@wrong("ramp times a decaying rate", "During the warm-up you multiply by schedule(t), which is already "
       "decaying: the climb is towards schedule(0), the rate at which the schedule will begin.")
def warmup(t, steps, schedule):
    climb = schedule(t) * (t + 1) / max(steps, 1)
    return np.where(t < steps, climb, schedule(np.maximum(t - steps, 0)))[()]


@wrong("climbs to a later rate", "Your warm-up climbs towards schedule(steps): the schedule waits until "
       "the warm-up is over and begins at its own step 0, so the climb is towards schedule(0).")
def warmup(t, steps, schedule):
    climb = schedule(steps) * (t + 1) / max(steps, 1)
    return np.where(t < steps, climb, schedule(np.maximum(t - steps, 0)))[()]


@wrong("asks for negative steps", "Your rates are right where the schedule has a past, but it is asked for "
       "negative steps: np.where computes both of its choices in full, also for the steps of the warm-up. "
       "Ask for max(t - steps, 0).")
def warmup(t, steps, schedule):
    if np.ndim(t) == 0:
        return schedule(0) * (t + 1) / steps if t < steps else schedule(t - steps)
    return np.where(t < steps, schedule(0) * (t + 1) / max(steps, 1), schedule(t - steps))


@wrong("both phases in full", "np.where computes both of its choices in full before it chooses: so yours "
       "asks the schedule for negative steps during the warm-up, and divides by zero where steps = 0.")
def warmup(t, steps, schedule):
    return np.where(t < steps, schedule(0) * (t + 1) / steps, schedule(t - steps))


@wrong("divides by no steps", "With steps = 0 you divide by zero: there is no warm-up then, and the result "
       "is schedule(t).")
def warmup(t, steps, schedule):
    if np.ndim(t) == 0:
        climb = schedule(0) * (t + 1) / steps
        return climb if t < steps else schedule(t - steps)
    return np.where(t < steps, schedule(0) * (t + 1) / max(steps, 1), schedule(np.maximum(t - steps, 0)))


@wrong("one step too long", "Your warm-up takes one step too many: at t = steps the rate is above "
       "schedule(0), and the schedule should have begun.")
def warmup(t, steps, schedule):
    climb = schedule(0) * (t + 1) / max(steps, 1)
    return np.where(t <= steps, climb, schedule(np.maximum(t - steps, 0)))[()]


@wrong("skips the schedule's first step", "Your schedule begins at its step 1: at t = steps its own step "
       "is 0, and so it has the rate that the warm-up has just reached.")
def warmup(t, steps, schedule):
    climb = schedule(0) * (t + 1) / max(steps, 1)
    return np.where(t < steps, climb, schedule(np.maximum(t - steps + 1, 0)))[()]


@wrong("one number only", "`if t < steps` decides for one step, so your function fails for an array, which "
       "may hold steps of both phases: use np.where or a mask.")
def warmup(t, steps, schedule):
    if t < steps:
        return schedule(0) * (t + 1) / steps
    return schedule(t - steps)


@wrong("one phase for all", "You look at one step of the array and put all of them into its phase: an "
       "array may hold steps of both phases, and each needs its own formula.")
def warmup(t, steps, schedule):
    if np.max(t) < steps:
        return schedule(0) * (t + 1) / steps
    return schedule(np.maximum(t - steps, 0))


# --- halve_on_plateau ---------------------------------------------------------------------------------------


@right("counts the rises")
def halve_on_plateau(errors, lr0):
    rises = np.concatenate([[0, 0], np.cumsum(np.diff(errors) > 0)])[:len(errors)]
    return lr0 * 0.5**rises


@right("a list")
def halve_on_plateau(errors, lr0):
    rate, before, rates = float(lr0), math.inf, []
    for error in errors:
        rates.append(rate)
        if error > before:
            rate /= 2
        before = error
    return np.array(rates)


@wrong("in the same epoch", "You halve the rate of the epoch whose error rose: its rate was chosen before "
       "its error was known. The next epoch is the first that can use it.")
def halve_on_plateau(errors, lr0):
    rates = np.full(len(errors), lr0, dtype=float)
    for epoch in range(1, len(errors)):
        rates[epoch] = rates[epoch - 1] / (2 if errors[epoch] > errors[epoch - 1] else 1)
    return rates


@wrong("against the best", "You compare with the best error so far, as PyTorch's ReduceLROnPlateau does: "
       "the rule here asks only whether an epoch was worse than the one before it.")
def halve_on_plateau(errors, lr0):
    rate, best, rates = float(lr0), math.inf, []
    for error in errors:
        rates.append(rate)
        rate = rate / 2 if error > best else rate
        best = min(best, error)
    return np.array(rates)


@wrong("also on ties", "You also halve when the error stays the same: the rule asks for an error that "
       "exceeds the one before.")
def halve_on_plateau(errors, lr0):
    rate, before, rates = float(lr0), math.inf, []
    for error in errors:
        rates.append(rate)
        rate, before = rate / 2 if error >= before else rate, error
    return np.array(rates)


@wrong("comes back", "Your rate comes back to lr0 as soon as the error falls: a halving is for good.")
def halve_on_plateau(errors, lr0):
    rates = np.full(len(errors), lr0, dtype=float)
    for epoch in range(2, len(errors)):
        if errors[epoch - 1] > errors[epoch - 2]:
            rates[epoch] = rates[epoch - 1] / 2
    return rates


@wrong("when the error falls", "You halve after each epoch that made progress: it is an error that rose "
       "that asks for a smaller rate.")
def halve_on_plateau(errors, lr0):
    rate, before, rates = float(lr0), -math.inf, []
    for error in errors:
        rates.append(rate)
        rate, before = rate / 2 if error < before else rate, error
    return np.array(rates)


@wrong("one rate too many", "You return n + 1 rates: the one after the last epoch is not used in any of "
       "them.")
def halve_on_plateau(errors, lr0):
    rates = [float(lr0)]
    for epoch in range(len(errors)):
        rose = epoch > 0 and errors[epoch] > errors[epoch - 1]
        rates.append(rates[-1] / (2 if rose else 1))
    return np.array(rates)


@wrong("with a tolerance", "You let small rises pass: the rule halves the rate whenever an error exceeds the one "
       "before, by however little.")
def halve_on_plateau(errors, lr0):
    rates = np.full(len(errors), lr0, dtype=float)
    for epoch in range(2, len(errors)):
        rose = errors[epoch - 1] > errors[epoch - 2] * (1 + 1e-5)
        rates[epoch] = rates[epoch - 1] / (2 if rose else 1)
    return rates


@wrong("only once", "Your rate is halved once and never again: each rise halves what is left.")
def halve_on_plateau(errors, lr0):
    rates = np.full(len(errors), lr0, dtype=float)
    for epoch in range(2, len(errors)):
        if errors[epoch - 1] > errors[epoch - 2]:
            rates[epoch:] = lr0 / 2
    return rates


@wrong("whole numbers", "Your array has the type of lr0: with an integer lr0 the halves are cut to whole "
       "numbers. Make it float64.")
def halve_on_plateau(errors, lr0):
    rates = np.full(len(errors), lr0)
    for epoch in range(2, len(errors)):
        rates[epoch] = rates[epoch - 1] / (2 if errors[epoch - 1] > errors[epoch - 2] else 1)
    return rates


# --- scaled_lr ----------------------------------------------------------------------------------------------


@right("the ratio first")
def scaled_lr(lr, batch_size, base_batch_size):
    return (batch_size / base_batch_size) * lr


@right("the rate of one example")
def scaled_lr(lr, batch_size, base_batch_size):
    per_example = np.float64(lr) / base_batch_size
    return per_example * batch_size


@wrong("the square root", "You scale with the square root of the batch size, which keeps the variance of a "
       "step. The linear rule keeps the way that an epoch goes: m times fewer steps, each m times as long.")
def scaled_lr(lr, batch_size, base_batch_size):
    return lr * math.sqrt(batch_size / base_batch_size)


@wrong("upside down", "Your ratio is upside down: a larger batch means fewer steps per epoch, and so a "
       "larger rate.")
def scaled_lr(lr, batch_size, base_batch_size):
    return lr * base_batch_size / batch_size


@wrong("not scaled", "Your rate does not depend on the batch size: with m times fewer steps per epoch, at "
       "the same rate, an epoch goes m times less far.")
def scaled_lr(lr, batch_size, base_batch_size):
    return lr


@wrong("whole multiples", "You divide the batch sizes with `//`, which drops the fraction: a batch below "
       "the base gets the rate 0, and one and a half times the base the rate of one.")
def scaled_lr(lr, batch_size, base_batch_size):
    return lr * (batch_size // base_batch_size)


@wrong("never smaller", "Your rate grows with the batch but does not shrink with it: below the base batch "
       "size the rule is the same.")
def scaled_lr(lr, batch_size, base_batch_size):
    return lr * max(batch_size / base_batch_size, 1)


@wrong("no base", "You multiply by the batch size itself: what counts is its ratio to the batch size that "
       "lr suits.")
def scaled_lr(lr, batch_size, base_batch_size):
    return lr * batch_size


# --- questions ----------------------------------------------------------------------------------------------

catalogue.wrong_answer("answer_1", "a", "Time is not what is missing: at a constant rate each batch goes "
                       "on pushing the weights about, and the loss settles at a floor above the minimum.")
catalogue.wrong_answer("answer_1", "b", "The noise in the gradient comes from the data, but what it does "
                       "to the weights is multiplied by the rate: the floor depends on it.")
catalogue.wrong_answer("answer_1", "d", "One step's kick to the loss does go with the square of the rate, "
                       "but a smaller rate also forgets old kicks more slowly. Divide the two.")
catalogue.wrong_answer("answer_2", "b", "That is the second of the two conditions, and it says that the "
                       "noise dies out. Look at the sum of the rates themselves, which says how far SGD "
                       "can go.")
catalogue.wrong_answer("answer_2", "c", "A rate that falls fast makes each step small, also while there is "
                       "still a long way to go: faster decay is not faster convergence.")
catalogue.wrong_answer("answer_2", "d", "The noise is no problem here: its sum is that of 1/(1 + t)^4. "
                       "Look at the other condition.")
catalogue.wrong_answer("answer_3", "a", "A smaller step is less able to leave a minimum than a larger one, "
                       "and plateaus appear also on a convex loss, which has no other minimum to go to.")
catalogue.wrong_answer("answer_3", "b", "If it had been too small, an even smaller one would not help: "
                       "think of what keeps the loss up while the steps are large.")
catalogue.wrong_answer("answer_3", "c", "The loss alone does not show how far the weights have come: at "
                       "the small rate from the start, the slow directions would take ten times as many "
                       "steps.")
catalogue.wrong_answer("answer_4", "a", "The mean gradient does keep its size, but an epoch now has a "
                       "quarter of the steps: at the same rate it goes a quarter of the way.")
catalogue.wrong_answer("answer_4", "c", "Scaling with the square root keeps the noise of one step. What "
                       "has to be kept is the way that an epoch goes, with a quarter of the steps.")
catalogue.wrong_answer("answer_4", "d", "A more exact gradient can be trusted with a longer step and not "
                       "with a shorter one, and there are fewer steps to go.")
