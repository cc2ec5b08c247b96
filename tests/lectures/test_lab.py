"""The lab's figures, sliders, digits and quadratics."""
import base64
import hashlib
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

LECTURES = Path(__file__).resolve().parents[2] / "lectures"
sys.path.insert(0, str(LECTURES))

import lab  # noqa: E402
from lab import figures, sliders  # noqa: E402


@pytest.fixture
def displayed(monkeypatch):
    """Catches what goes to `display`, as (data, metadata)."""
    caught = []

    def display(data, metadata=None, raw=False):
        assert raw
        caught.append((data, metadata or {}))

    monkeypatch.setattr(figures, "display", display)
    monkeypatch.setattr(sliders, "display", display)
    return caught


def small_figure():
    fig, ax = plt.subplots(figsize=(4, 2))
    ax.plot([0, 1], [0, 1])
    return fig


ALT = "A straight line from the origin to the point (1, 1)."


def test_a_figure_is_shown_with_its_text_at_its_page_width_and_then_closed(displayed):
    lab.show(small_figure(), "  A straight line from the origin\n  to the point (1, 1).  ")
    (data, metadata), = displayed
    assert metadata["image/png"] == {"alt": ALT, "width": 400}
    assert data["text/plain"] == ALT
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("alt", ["", "   ", "A plot", "x" * 19, "a" + " " * 30 + "b"])
def test_a_missing_or_very_short_text_is_refused(displayed, alt):
    fig = small_figure()
    with pytest.raises(ValueError, match="say in a sentence"):
        lab.show(fig, alt)
    assert displayed == []
    plt.close(fig)


def test_the_same_figure_gives_the_same_bytes_and_they_name_no_software():
    first, second = (figures.png(small_figure())[0] for _ in range(2))
    plt.close("all")
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    for chunk in (b"Software", b"tEXt", b"tIME"):
        assert chunk not in first
    assert figures.png(small_figure())[1] == 400
    plt.close("all")


def luminance(color):
    channels = np.array(matplotlib.colors.to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_no_two_curves_share_a_colour_a_dash_or_a_marker():
    for key in ("color", "linestyle", "marker"):
        assert len({str(line[key]) for line in lab.LINES}) == len(lab.LINES)


def test_the_first_five_curves_stand_out_from_white_paper():
    for line in lab.LINES[:5]:
        assert 1.05 / (luminance(line["color"]) + 0.05) > 3.0   # what WCAG 2.1 asks of graphics (1.4.11)


def test_contours_are_drawn_at_the_levels_asked_for():
    fig, ax = plt.subplots()
    drawn = lab.contours(ax, lab.quadratic(np.diag([1.0, 4.0])), (-2, 2), (-1, 1), levels=[0.5, 1.0])
    assert list(drawn.levels) == [0.5, 1.0]
    outer = np.concatenate([path.vertices for path in drawn.get_paths()[1:]])
    np.testing.assert_allclose(lab.quadratic(np.diag([1.0, 4.0]))(outer), 1.0, atol=1e-3)
    assert ax.get_xlim() == (-2, 2) and ax.get_ylim() == (-1, 1)
    plt.close(fig)


def test_the_contours_of_a_round_bowl_lie_equally_far_apart():
    fig, ax = plt.subplots()
    drawn = lab.contours(ax, lab.quadratic(np.eye(2)), (-1, 1), (-1, 1), levels=5)
    np.testing.assert_allclose(np.diff(np.sqrt(drawn.levels)), 1 / 6, atol=1e-6)
    plt.close(fig)


def test_a_path_marks_its_start():
    fig, ax = plt.subplots()
    line = lab.path(ax, [(3, 1), (2, 0)], label="descent")
    assert line.get_label() == "descent"
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[3, 1]])
    plt.close(fig)


def test_a_slider_carries_a_widget_and_one_stable_line_of_text(displayed):
    for _ in range(2):
        lab.slider(lambda lr: small_figure(), lr=(0.0, 2.0, 0.1))
    (first, _), (second, _) = displayed
    assert first["text/plain"] == second["text/plain"] == "Run this cell in Jupyter to move the slider: η from 0.0 to 2.0."
    assert first["text/html"] == second["text/html"]
    assert "<script" not in first["text/html"]
    assert first["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert plt.get_fignums() == []


def test_moving_a_slider_draws_anew_with_its_values(displayed, monkeypatch):
    made = []
    monkeypatch.setattr(sliders.widgets, "VBox", lambda children: made.extend(children) or _Bundle())
    drawn = []

    def draw(lr, steps):
        drawn.append((lr, steps))
        fig, ax = plt.subplots(figsize=(3, 2))
        ax.plot([0, lr], [0, steps])
        return fig

    lab.slider(draw, lr=(0.0, 2.0, 0.5, 1.5), steps=(1, 9))
    lr, steps, picture = made
    before = picture.value
    lr.value, steps.value = 0.5, 7
    assert drawn == [(1.5, 5), (0.5, 5), (0.5, 7)]
    assert isinstance(drawn[0][1], int)
    assert before != picture.value and 'alt="The figure for η = 0.5, steps = 7"' in picture.value
    assert (lr.description, steps.description) == ("η", "steps")


class _Bundle:
    def _repr_mimebundle_(self):
        return {}


def test_a_list_of_choices_starts_in_its_middle_and_is_told_by_its_ends(displayed):
    seen = []
    lab.slider(lambda lr, phi: seen.append((lr, phi)) or small_figure(), lr=[0.001, 0.01, 0.1], phi=["relu", "tanh"])
    assert seen == [(0.01, "tanh")]
    assert displayed[0][0]["text/plain"].endswith("move the sliders: η from 0.001 to 0.1, phi among relu / tanh.")


def test_names_of_greek_letters_are_shown_as_letters(displayed):
    lab.slider(lambda **values: small_figure(), eta_lambda_max=(0.1, 2.0), beta2=(0.9, 0.999))
    assert "η λ max from 0.1 to 2.0, β₂ from 0.9 to 0.999." in displayed[0][0]["text/plain"]


@pytest.mark.parametrize("ranges", [{}, {"lr": 3}, {"lr": (1.0,)}, {"lr": (2.0, 1.0)}, {"lr": [1]}])
def test_a_range_that_makes_no_sense_is_refused(displayed, ranges):
    with pytest.raises(ValueError, match="range"):
        lab.slider(lambda **values: small_figure(), **ranges)
    assert displayed == []


def test_an_error_in_the_drawing_stops_the_cell(displayed):
    with pytest.raises(ZeroDivisionError):
        lab.slider(lambda lr: 1 / 0, lr=(0.0, 1.0))


def test_digits_are_floats_from_0_to_1_with_ten_integer_labels():
    x, labels = lab.load_digits()
    assert x.shape == (1797, 64) and x.dtype == np.float64
    assert x.min() == 0.0 and x.max() == 1.0
    assert labels.shape == (1797,) and np.issubdtype(labels.dtype, np.signedinteger)
    np.testing.assert_array_equal(np.unique(labels), np.arange(10))
    assert labels[:10].tolist() == list(range(10))


def test_a_split_holds_every_example_once_and_is_the_same_each_time():
    x, labels = lab.load_digits()
    one, two = lab.split(x, labels), lab.split(x, labels)
    assert len(one.x) == len(one.y) == 1400 and len(one.x_val) == len(one.y_val) == 397
    np.testing.assert_array_equal(one.x_val, two.x_val)
    index = np.arange(len(x))
    parts = lab.split(index, labels)
    np.testing.assert_array_equal(np.sort(np.concatenate([parts.x, parts.x_val])), index)
    np.testing.assert_array_equal(parts.y, labels[parts.x])
    assert (lab.split(index, labels, seed=1).x_val != parts.x_val).any()


@pytest.mark.parametrize("validation", [0, 1797, -3])
def test_a_split_without_examples_on_one_side_is_refused(validation):
    with pytest.raises(ValueError, match="between 1 and 1796"):
        lab.split(*lab.load_digits(), validation=validation)


def test_a_quadratic_takes_one_point_or_many_and_its_gradient_is_its_slope():
    rng = np.random.default_rng(0)
    A, b, c = rng.standard_normal((3, 3)), rng.standard_normal(3), 0.7   # A is not symmetric
    f, gradient = lab.quadratic(A, b, c), lab.quadratic_gradient(A, b)
    points = rng.standard_normal((4, 5, 3))
    assert f(points).shape == (4, 5) and gradient(points).shape == points.shape
    w = points[1, 2]
    assert f(w) == pytest.approx(w @ A @ w / 2 + b @ w + c)
    slopes = [(f(w + h) - f(w - h)) / 2e-5 for h in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(gradient(w), slopes, atol=1e-8)
    np.testing.assert_allclose(gradient(points)[1, 2], gradient(w))


def test_a_random_spd_matrix_has_the_spectrum_asked_for_and_no_preferred_axis():
    rng = np.random.default_rng(1)
    A = lab.random_spd([1.0, 3.0, 50.0], rng)
    np.testing.assert_array_equal(A, A.T)
    np.testing.assert_allclose(np.linalg.eigvalsh(A), [1, 3, 50])
    mean = np.mean([lab.random_spd([1.0, 2.0, 6.0], rng) for _ in range(3000)], axis=0)
    np.testing.assert_allclose(mean, 3.0 * np.eye(3), atol=0.15)


def test_a_spectrum_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="positive"):
        lab.random_spd([1.0, 0.0], np.random.default_rng(0))


def test_random_symmetric_matrices_have_variance_1_on_the_diagonal_and_a_half_off_it():
    H = lab.random_symmetric(3, np.random.default_rng(2), 40_000)
    assert H.shape == (40_000, 3, 3)
    np.testing.assert_array_equal(H, H.transpose(0, 2, 1))
    np.testing.assert_allclose(H.var(axis=0), 0.5 + 0.5 * np.eye(3), atol=0.03)


def test_random_symmetric_matrices_are_definite_as_often_as_theory_says():
    # (2 - sqrt 2)/4 is a cone's share of the sphere; 0.0024567 comes from N. G. de Bruijn's Pfaffian (1955) by quadrature.
    rng = np.random.default_rng(3)
    for dim, share in [(2, (2 - 2**0.5) / 4), (4, 0.0024567)]:
        found = (np.linalg.eigvalsh(lab.random_symmetric(dim, rng, 200_000))[:, 0] > 0).mean()
        assert abs(found - share) < 4 * np.sqrt(share / 200_000)


def test_descent_starts_where_it_is_told_and_calls_the_gradient_once_a_step():
    calls = []

    def gradient(w):
        calls.append(w.copy())
        return 2 * w

    path = lab.descend(gradient, [3.0, -1.0], 0.25, 4)
    assert len(calls) == 4
    np.testing.assert_allclose(path, [[3 / 2**t, -1 / 2**t] for t in range(5)])


def test_divergence_beyond_float64_is_silent(recwarn):
    path = lab.descend(lambda w: 4 * w**3, 10.0, 1.0, 30)
    assert not np.isfinite(path[-1]) and not len(recwarn)


def test_a_notebook_finds_the_lab_from_the_lectures_folder():
    code = "import lab, matplotlib; print(matplotlib.rcParams['image.cmap'], lab.load_digits()[0].shape)"
    run = subprocess.run([sys.executable, "-c", code], cwd=LECTURES, capture_output=True, text=True)
    assert run.stdout == "cividis (1797, 64)\n", run.stderr


def test_the_package_says_what_is_in_it():
    assert [name for name in lab.__all__ if not hasattr(lab, name)] == []
    assert [name for name in lab.__all__ if name not in lab.__doc__] == []


def test_a_slider_in_a_notebook_stores_its_line_and_nothing_that_changes(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    source = ("from lab import slider\nimport matplotlib.pyplot as plt\n"
              "def draw(lr):\n    fig, ax = plt.subplots()\n    ax.plot([lr])\n    return fig\n"
              "slider(draw, lr=(0.1, 2.0))")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, resources={"metadata": {"path": str(LECTURES)}}, store_widget_state=False).execute()
    (output,) = notebook.cells[0].outputs
    assert output.data["text/plain"].startswith("Run this cell in Jupyter")
    assert "application/vnd.jupyter.widget-view+json" in output.data
    assert "widgets" not in notebook.metadata
