"""How every figure of the course looks, and how it is shown.

The palette is Okabe and Ito's "Color Universal Design" (2008), which readers with any common colour blindness can tell
apart. Colours alone do not survive a grey printer, so each curve has its own dash pattern and marker as well.
"""
import base64
import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython.display import display
from PIL import Image

COLORS = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
    "grey": "#767676",
}

# One entry per curve: `ax.plot(x, y, **LINES[i])`. Neighbours differ in colour, dash and marker.
LINES = [
    {"color": COLORS[name], "linestyle": dash, "marker": marker}
    for name, dash, marker in [
        ("blue", "-", "o"),
        ("vermillion", (0, (5, 2)), "s"),
        ("green", (0, (1, 1)), "^"),
        ("purple", (0, (6, 2, 1, 2)), "D"),
        ("black", (0, (9, 3)), "v"),
        ("orange", (0, (3, 1, 1, 1, 1, 1)), "P"),
        ("sky", (0, (2, 3)), "X"),
    ]
]

CSS_PIXELS_PER_INCH = 100   # a figure 8 inches wide is 800 px wide on the page
DOTS_PER_PIXEL = 1.5        # and is stored finer than that, so that a projector or a good screen shows it sharp
SHORTEST_ALT = 20

STYLE = {
    "figure.figsize": (8.0, 3.6),
    "figure.constrained_layout.use": True,
    "figure.dpi": CSS_PIXELS_PER_INCH,
    "font.size": 11,
    "axes.titlesize": 11.5,
    "axes.titlepad": 8,
    "axes.labelsize": 11.5,
    "legend.fontsize": 10.5,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "#cccccc",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 2.0,
    "lines.markersize": 5.0,
    "image.cmap": "cividis",
    "mathtext.fontset": "cm",
    "axes.prop_cycle": cycler(color=[line["color"] for line in LINES])
    + cycler(linestyle=[line["linestyle"] for line in LINES]),
}


def use_style():
    """Applies the shared style to every figure made from now on."""
    mpl.rcParams.update(STYLE)


def png(fig):
    """The figure as PNG bytes, and its width on the page in CSS pixels; the same figure gives the same bytes."""
    drawn, stored = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=CSS_PIXELS_PER_INCH * DOTS_PER_PIXEL)
    # 256 colours make the notebooks a third of the size, and a file written anew leaves out matplotlib's version,
    # so that a stored notebook changes only when the picture does.
    image = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(stored, format="PNG", optimize=True)
    return stored.getvalue(), round(fig.get_figwidth() * CSS_PIXELS_PER_INCH)


def checked_alt(alt):
    """The alternative text, stripped; `ValueError` if it is too short to say what the figure shows."""
    alt = " ".join(str(alt).split())
    if len(alt) < SHORTEST_ALT:
        raise ValueError(
            f"The alternative text {alt!r} is too short: say in a sentence of at least {SHORTEST_ALT} characters what "
            "a reader who cannot see the figure should know."
        )
    return alt


def show(fig, alt):
    """Shows `fig` with its alternative text `alt`, and closes it.

    The text is kept where Jupyter keeps it (`metadata["image/png"]["alt"]`), and as the output's plain text.
    Raises `ValueError` if `alt` has fewer than 20 characters.
    """
    alt = checked_alt(alt)
    data, width = png(fig)
    plt.close(fig)
    display(
        {"image/png": base64.b64encode(data).decode("ascii"), "text/plain": alt},
        metadata={"image/png": {"alt": alt, "width": width}},
        raw=True,
    )


def contours(ax, f, x, y, levels=12, resolution=161, **style):
    """Draws level curves of `f` over the rectangle `x` = (low, high), `y` = (low, high).

    `f` maps points (..., 2) to values (...). `levels` is the values themselves, or a count: then their spacing grows
    with the height, so that the curves of a bowl lie equally far apart.
    """
    grid = np.stack(np.meshgrid(np.linspace(*x, resolution), np.linspace(*y, resolution)), axis=-1)
    values = f(grid)
    if isinstance(levels, int):
        levels = values.min() + np.ptp(values) * (np.arange(1, levels + 1) / (levels + 1)) ** 2
    style = {"colors": COLORS["grey"], "linewidths": 0.7, "alpha": 0.75, **style}
    if "cmap" in style:
        del style["colors"]
    drawn = ax.contour(grid[..., 0], grid[..., 1], values, levels=levels, **style)
    ax.grid(False)
    ax.set(xlim=x, ylim=y)
    return drawn


def path(ax, points, label=None, **style):
    """Draws a trajectory (n, 2) as dots joined by a line; a ring marks where it starts."""
    points = np.asarray(points, dtype=float)
    style = {"color": COLORS["blue"], "marker": "o", "markersize": 4, "linewidth": 1.4, "linestyle": "-", **style}
    (line,) = ax.plot(points[:, 0], points[:, 1], label=label, **style)
    ax.plot(*points[0], marker="o", markersize=9, markerfacecolor="none", color=line.get_color())
    return line
