"""What a picture of a grid shows: which kind, what its axes and legend say, and that nothing covers anything."""

import itertools

import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm

from plastodyn.figures import Series, grid_picture
from plastodyn.figures.grids import is_geometric


def _grid(**axes):
    shape = tuple(len(points) for points in axes.values())
    values = 1.0 + np.arange(np.prod(shape)).reshape(shape)
    return xr.DataArray(values, axes, dims=list(axes), name="loss", attrs={"long_name": "task error F", "units": "mV"})


def _both(**axes):
    value = _grid(**axes)
    return [Series("simulation", value, 0.1 * value, False), Series("stationary theory", 1.1 * value, None, True)]


def _texts(legend):
    return [each.get_text() for each in legend.get_texts()]


def test_simulation_is_points_with_bars_and_theory_lines_on_the_same_axes():
    series = _both(ratio=[0.5, 1.0, 1.5], precision=[1.0, 20.0])
    (axes,) = (figure := grid_picture(series, "title", "caption")).axes
    lines = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert len(axes.containers) == 2
    for index, (bars, line) in enumerate(zip(axes.containers, lines, strict=True)):
        assert np.array_equal(bars.lines[0].get_ydata(), series[0].value[:, index])
        assert np.array_equal(line.get_ydata(), series[1].value[:, index])
        assert bars.lines[0].get_color() == line.get_color()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("ratio", "task error F (mV)")
    assert _texts(figure.legends[0]) == ["simulation ± s.e.", "stationary theory", "precision", "1", "20"]
    assert figure.get_supxlabel() == "caption"


def test_the_longer_axis_lies_along_x_and_words_do_not():
    assert grid_picture(_both(few=[1.0, 2.0], many=[1.0, 2.0, 3.0]), "").axes[0].get_xlabel() == "many"
    assert grid_picture(_both(word=["a", "b", "c"], few=[1.0, 2.0]), "").axes[0].get_xlabel() == "few"


def test_a_lone_axis_of_words_names_its_ticks():
    (axes,) = grid_picture(_both(word=["a", "b", "c"]), "").axes
    assert [each.get_text() for each in axes.get_xticklabels()] == ["a", "b", "c"]


def test_two_long_axes_are_maps_on_one_scale():
    alpha, fraction = np.geomspace(0.01, 10, 8), np.linspace(0, 1, 7)
    figure = grid_picture(_both(alpha=alpha, fraction=fraction), "")
    meshes = [
        each for axes in figure.axes for each in axes.collections if isinstance(each, QuadMesh) and each.get_array().size == 56
    ]
    assert len(meshes) == 2
    assert meshes[0].norm is meshes[1].norm
    assert (meshes[0].norm.vmin, meshes[0].norm.vmax) == (1.0, pytest.approx(1.1 * 56))
    assert [axes.get_xscale() for axes in figure.axes[:2]] == ["log", "log"]
    assert [axes.get_yscale() for axes in figure.axes[:2]] == ["linear", "linear"]
    assert [axes.get_title() for axes in figure.axes[:2]] == ["simulation", "stationary theory"]
    assert figure.axes[2].get_ylabel() == "task error F (mV)"
    # The first row of the picture is the first point of the axis along y.
    assert np.array_equal(meshes[0].get_array()[0], _grid(alpha=alpha, fraction=fraction)[:, 0])


def test_points_out_of_order_stand_where_they_belong():
    alpha, beta = [3.0, 1.0, 2.0, 5.0, 4.0, 7.0, 6.0], np.arange(7.0)
    figure = grid_picture([Series("simulation", _grid(alpha=alpha, beta=beta), None, False)], "")
    mesh = figure.axes[0].collections[0]
    assert np.array_equal(mesh.get_array()[0], _grid(alpha=alpha, beta=beta).sortby("alpha")[:, 0])


def test_axes_are_logarithmic_where_asked():
    series = _both(ratio=[1.0, 2.0, 3.0])
    (axes,) = grid_picture(series, "", log=["x", "y"]).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    long = np.arange(1.0, 8.0)
    figure = grid_picture(_both(a=long, b=long), "", log=["color"])
    assert isinstance(figure.axes[0].collections[0].norm, LogNorm)


def test_an_axis_with_zero_is_not_logarithmic():
    with pytest.raises(ValueError, match="--log x must be along an axis of points above 0; got 0 in ratio"):
        grid_picture(_both(ratio=[0.0, 1.0, 2.0]), "", log=["x"])
    with pytest.raises(ValueError, match="above 0"):
        grid_picture(_both(a=np.arange(7.0), b=np.arange(7.0)), "", log=["x"])


@pytest.mark.parametrize(
    ("points", "geometric"),
    [
        ([0.1, 1, 10], True),
        ([1, 5, 20], True),
        ([10, 0.1, 1], True),
        ([1, 2, 3], False),
        ([0, 1, 10], False),
        ([1, 10], False),
        (np.arange(0.1, 2.6, 0.3), False),
        ([1, 2, 5, 10, 20, 50], True),
    ],
)
def test_geometric_points(points, geometric):
    assert is_geometric(np.array(points)) is geometric


def test_missing_values_are_said_and_nothing_at_all_is_refused():
    value = _grid(a=np.arange(7.0), b=np.arange(7.0))
    figure = grid_picture([Series("simulation", value.where(value > 5), None, False)], "", "left out: 5 failed")
    assert figure.get_supxlabel() == "Grey: no value. left out: 5 failed"
    with pytest.raises(ValueError, match="nothing to draw: no value of loss is finite"):
        grid_picture([Series("simulation", value * np.nan, None, False)], "")


CASES = {
    "one axis": {"ratio": np.arange(1.0, 9)},
    "long words": {"word": [f"nonlinearity number {i}" for i in range(8)]},
    "lines": {"ratio": np.arange(1.0, 9), "precision": [1.0, 5.0, 20.0]},
    "many words": {"ratio": np.arange(1.0, 9), "word": [f"a rather long word {i}" for i in range(6)]},
    "many lines": {"word": [f"w{i}" for i in range(40)], "few": [1.0, 2.0]},
    "maps": {"alpha": np.geomspace(0.1, 10, 9), "beta": np.arange(8.0)},
    "maps of words": {"alpha": np.arange(9.0), "word": [f"nonlinearity number {i}" for i in range(8)]},
    "long curve": {"step": np.arange(200.0), "ratio": [1.0, 2.0]},
    "dollars": {"$a$_b{": [1.0, 2.0, 3.0], "w": ["$x", "y\\", "{z"]},
}


@pytest.mark.parametrize("axes", CASES.values(), ids=CASES)
def test_nothing_covers_anything(axes):
    """Axes, legend, title and caption are apart, tick labels of an axis too, and all is inside of the picture."""
    figure = grid_picture(
        _both(**axes), "A title of the usual length, for a picture", "What was averaged; what was left out. " * 4
    )
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = canvas.get_renderer()
    boxes = [each.get_tightbbox(drawn) for each in (*figure.axes, *figure.legends)]
    boxes += [each.get_window_extent(drawn) for each in figure.texts if each.get_text()]
    for one, other in itertools.combinations(boxes, 2):
        overlap = (min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0))
        assert min(overlap) <= 1.0
    for box in boxes:
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= figure.bbox.width + 1
        assert box.y1 <= figure.bbox.height + 1
    for each in figure.axes:
        labels = [
            label.get_window_extent(drawn) for label in each.get_xticklabels() if label.get_text() and label.get_rotation() == 0
        ]
        labels = sorted((box for box in labels if box.width), key=lambda box: box.x0)
        assert all(left.x1 <= right.x0 for left, right in itertools.pairwise(labels))
