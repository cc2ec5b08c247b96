"""A slider under a figure: live in Jupyter, one line of text wherever there is no kernel."""
import base64
import html

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import display

from .figures import png

SYMBOLS = {"lr": "η", "eta": "η", "rho": "ρ", "beta": "β", "beta1": "β₁", "beta2": "β₂", "eps": "ε", "kappa": "κ",
           "lambda": "λ", "sigma": "σ", "root": "√"}


def slider(draw, **ranges):
    """Shows the figure that `draw(**values)` returns, with one control per range.

    A range is a tuple (low, high), (low, high, step) or (low, high, step, start), or a list of choices, which a rate on
    a log scale wants: `slider(draw, lr=[0.001, 0.01, 0.1])`. Integers stay integers; the start is the middle unless given.

    In Jupyter this is a widget. The same output carries one line of HTML and of plain text, which is what an exported
    page, slides and nbval see; so `draw` runs once in any case and an error in it stops the cell.
    Raises `ValueError` if there is no range, or one that is not understood.
    """
    if not ranges:
        raise ValueError('slider needs at least one range, such as slider(draw, lr=(0.1, 2.0)).')
    controls = {name: _control(name, given) for name, given in ranges.items()}
    picture = widgets.HTML()

    def redraw(*_):
        picture.value = _image(draw, {name: control.value for name, control in controls.items()})

    redraw()
    for control in controls.values():
        control.observe(redraw, names="value")

    note = _note(ranges)
    box = widgets.VBox([*controls.values(), picture])
    live = box._repr_mimebundle_() or {}
    fallback = {"text/html": f"<p><em>{html.escape(note)}</em></p>", "text/plain": note}
    display({**live, **fallback}, raw=True)


def _symbol(name):
    """What a reader sees in place of a Python name: "η λ max" for eta_lambda_max."""
    return " ".join(SYMBOLS.get(word, word) for word in name.split("_"))


def _control(name, given):
    look = {"description": _symbol(name), "layout": widgets.Layout(width="480px")}
    if isinstance(given, list) and len(given) > 1:
        options = [(_text(choice), choice) for choice in given]
        return widgets.SelectionSlider(options=options, value=given[len(given) // 2], **look)
    if not isinstance(given, tuple) or not 2 <= len(given) <= 4 or not given[0] < given[1]:
        raise ValueError(
            f"The range of {name!r} should be (low, high), (low, high, step), (low, high, step, start) "
            f"or a list of two choices or more, not {given!r}."
        )
    low, high, *rest = given
    whole = all(isinstance(value, int) for value in given)
    step = rest[0] if rest else (1 if whole else (high - low) / 100)
    middle = low + round((high - low) / 2 / step) * step
    start = rest[1] if len(rest) > 1 else middle
    make = widgets.IntSlider if whole else widgets.FloatSlider
    look["readout_format"] = "d" if whole else ".4g"
    return make(value=start, min=low, max=high, step=step, **look)


def _image(draw, values):
    fig = draw(**values)
    data, width = png(fig)
    plt.close(fig)
    source = base64.b64encode(data).decode("ascii")
    now = ", ".join(f"{_symbol(name)} = {_text(value)}" for name, value in values.items())
    return f'<img width="{width}" alt="The figure for {html.escape(now)}" src="data:image/png;base64,{source}">'


def _text(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _note(ranges):
    extent = ", ".join(f"{_symbol(name)} {_extent(given)}" for name, given in ranges.items())
    return f"Run this cell in Jupyter to move the slider{'s' if len(ranges) > 1 else ''}: {extent}."


def _extent(given):
    if isinstance(given, list) and isinstance(given[0], str):
        return f"among {' / '.join(given)}"
    return f"from {given[0]} to {given[-1 if isinstance(given, list) else 1]}"
