"""Scenes and the columns of their layers: shapes, colours, empties, and data that do not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from diffusion_lab.app.instrument import scenes
from diffusion_lab.app.instrument.scenes import (
    BY_PART,
    Arrows,
    Axes,
    Band,
    Bars,
    Boxes,
    Heat,
    Image,
    ImageGrid,
    Layer,
    Lines,
    Plane,
    Points,
    Segments,
    Texts,
    field_arrows,
    field_scale,
    rgba_image,
)

XY = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

#: Every kind of layer with data that fit it, and the columns that it makes of them.
KINDS: list[tuple[Layer, dict[str, Any], dict[str, Any]]] = [
    (Points("a"), {"x": XY}, {"x": [1, 3, 5], "y": [2, 4, 6]}),
    (Points("a", BY_PART), {"x": XY, "part": [2, -1, 0]}, {"x": [1, 3, 5], "y": [2, 4, 6], "part": [2, -1, 0]}),
    (
        Segments("a"),
        {"start": XY[:2], "end": XY[1:]},
        {"x": [1, 3], "y": [2, 4], "x1": [3, 5], "y1": [4, 6]},
    ),
    (
        Segments("a", BY_PART),
        {"start": XY[:2], "end": XY[1:], "part": [5]},
        {"x": [1, 3], "y": [2, 4], "x1": [3, 5], "y1": [4, 6], "part": [5, 5]},
    ),
    (Arrows("a", head=0), {"at": XY[0], "along": [[1, 0]]}, {"x": [1], "y": [2], "x1": [2], "y1": [2]}),
    (Lines("a"), {"x": [1, 2], "y": [3, 4]}, {"x": [1, 2], "y": [3, 4]}),
    (
        Lines("a"),
        {"paths": [XY[:2], XY[1:]]},
        {"x": [1, 3, np.nan, 3, 5, np.nan], "y": [2, 4, np.nan, 4, 6, np.nan]},
    ),
    (
        Bars("a", width=0.5, alpha=0.7),
        {"x": [1, 2], "height": [4, -2]},
        {"x": [1, 2], "y": [2, -1], "width": [0.5] * 2, "height": [4, -2], "alpha": [0.7] * 2},
    ),
    (
        Bars("a", BY_PART),
        {"x": [1], "height": [4], "part": [3]},
        {"x": [1], "y": [2], "width": [0.8], "height": [4], "alpha": [1], "part": [3]},
    ),
    (
        Boxes("a"),
        {"at": XY, "size": (2, 1)},
        {"x": [1, 3, 5], "y": [2, 4, 6], "width": [2] * 3, "height": [1] * 3, "alpha": [1] * 3},
    ),
    (
        Boxes("a", BY_PART, alpha=0.5),
        {"at": XY[:2], "size": [[1, 2], [3, 4]], "alpha": [0.1, 0.2], "part": [1]},
        {"x": [1, 3], "y": [2, 4], "width": [1, 3], "height": [2, 4], "alpha": [0.1, 0.2], "part": [1, 1]},
    ),
    (Band("a"), {"x": [1, 2], "low": [0, 1], "high": [2, 3]}, {"x": [1, 2], "y1": [0, 1], "y2": [2, 3]}),
    (Texts("a"), {"at": XY[:2], "text": ["b", 7]}, {"x": [1, 3], "y": [2, 4], "text": ["b", "7"]}),
    (
        Texts("a", BY_PART),
        {"at": XY[:1], "text": ["b"], "part": [4]},
        {"x": [1], "y": [2], "text": ["b"], "part": [4]},
    ),
    (Heat("a"), {"image": [[0.0, 0.5], [1.0, 2.0]]}, {"image": [[0, 128], [255, 255]]}),
    (Heat("a"), {"image": np.array([[0, 7]], np.uint8)}, {"image": [[0, 7]]}),
    (Heat("a", BY_PART), {"image": np.array([[-2, -1, 5]])}, {"image": [[-2, -1, 5]]}),
    (Heat("a", "diverging"), {"image": [[-2.0, -1.0, 0.5, 1.0]]}, {"image": [[-127, -127, 64, 127]]}),
    (Image("a"), {"image": [[1.0]]}, {"image": [[0xFFFFFFFF]]}),
    (ImageGrid("a"), {"images": np.ones((1, 1, 1))}, {"image": [[0xFFFFFFFF, *[0] * 6]]}),
]


def kind_name(value: object) -> str | None:
    return type(value).__name__ if isinstance(value, Layer) else ""


@pytest.mark.parametrize(("layer", "data", "columns"), KINDS, ids=kind_name)
def test_columns_of_each_kind_of_layer(layer, data, columns):
    made = layer.columns(data)
    assert tuple(made) == layer.column_names == tuple(columns)
    for name, column in columns.items():
        if name == "text":
            assert made[name] == column
        else:
            np.testing.assert_array_equal(made[name], np.asarray(column, made[name].dtype))
            assert made[name].flags.c_contiguous
            assert made[name].dtype in (np.float32, np.uint8, np.int8, np.uint32), "what the page can take as it is"


def test_every_kind_of_layer_is_among_them():
    def all_of(kind: type[Layer]) -> set[type[Layer]]:
        return {kind, *(found for sub in kind.__subclasses__() for found in all_of(sub))}

    assert {type(layer) for layer, *_ in KINDS} == all_of(Layer) - {Layer}


@pytest.mark.parametrize(("layer", "data", "columns"), KINDS, ids=kind_name)
def test_an_empty_layer_has_the_same_columns_and_no_rows(layer, data, columns):
    empty, made = layer.empty(), layer.columns(data)
    assert tuple(empty) == tuple(made)
    for name, column in empty.items():
        if name == "image":
            assert (column.shape, column.dtype) == ((1, 1), made[name].dtype)
        else:
            assert (len(column), type(column)) == (0, type(made[name]))
            assert name == "text" or column.dtype == made[name].dtype


def test_an_empty_image_is_clear():
    assert Heat("a", "ink").empty()["image"].item() == 0
    assert Heat("a", "diverging").empty()["image"].item() == 0
    assert Heat("a", BY_PART).empty()["image"].item() == -2, "nothing; 0 is the first part"
    assert Image("a").empty()["image"].item() == 0


@pytest.mark.parametrize(
    ("layer", "data", "message"),
    [
        (Points("a"), {"x": np.zeros(4)}, r"Points must have shape \(N, 2\), got \(4,\)"),
        (Points("a"), {"x": np.zeros((4, 3))}, r"Points must have shape \(N, 2\), got \(4, 3\)"),
        (Segments("a"), {"start": np.zeros((2, 2)), "end": np.zeros((2, 1))}, r"got \(2, 1\)"),
        (Heat("a"), {"image": np.zeros(4)}, r"A heat map must have shape \(rows, columns\), got \(4,\)"),
        (Image("a"), {"image": np.zeros((2, 2, 2))}, r"\(H, W, 4\), got \(2, 2, 2\)"),
        (Image("a"), {"image": np.zeros(3)}, r"got \(3,\)"),
        (Texts("a"), {"at": np.zeros((2, 2)), "text": ["a"]}, "There are 1 texts at 2 points."),
        (Boxes("a"), {"at": np.zeros((2, 2)), "size": np.zeros((3, 2))}, "broadcast"),
        (Arrows("a"), {"at": np.zeros((2, 2)), "along": np.zeros((3, 2))}, "broadcast"),
    ],
    ids=kind_name,
)
def test_data_that_do_not_fit_are_refused(layer, data, message):
    with pytest.raises(ValueError, match=message):
        layer.columns(data)


@pytest.mark.parametrize(("layer", "data", "columns"), KINDS, ids=kind_name)
def test_data_that_are_missing_are_named(layer, data, columns):
    with pytest.raises(KeyError):
        layer.columns({})


# --- arrows ----------------------------------------------------------------------------------------------------------


def pieces(columns: dict[str, np.ndarray]) -> np.ndarray:
    """(M, 2 ends, 2 coordinates), in float64."""
    ends = [np.stack([columns[x], columns[y]], axis=1) for x, y in (("x", "y"), ("x1", "y1"))]
    return np.stack(ends, axis=1).astype(float)


def ahead(layer: Arrows, data: dict[str, Any]) -> dict[str, Any]:
    """Barbs that lie before the tip."""
    made = Arrows.columns(layer, data)
    third = len(made["x"]) // 3
    for start, end in (("x", "x1"), ("y", "y1")):
        made[end][third:] = 2 * made[start][third:] - made[end][third:]
    return made


@pytest.mark.subject(
    Arrows.columns,
    barbs_ahead_of_the_tip=ahead,
    no_limit=lambda layer, data: Arrows.columns(
        Arrows("a", head=9.0), {**data, "along": 10 * np.asarray(data["along"])}
    ),
    no_heads=lambda layer, data: Arrows.columns(Arrows("a", head=0), data),
)
def test_arrows_have_heads(subject, rng):
    """Two barbs from the tip, backwards at equal angles, as long as the head or 0.4 of a short arrow."""
    along = np.concatenate([3 * rng.standard_normal((6, 2)), 0.1 * rng.standard_normal((6, 2))])
    at = rng.standard_normal((12, 2))
    found = pieces(subject(Arrows("a", head=0.2), {"at": at, "along": along}))
    assert len(found) == 36
    shafts, left, right = np.split(found, 3)
    np.testing.assert_allclose(shafts[:, 0], at, atol=1e-6)
    np.testing.assert_allclose(shafts[:, 1], at + along, atol=1e-6)
    length = np.linalg.norm(along, axis=1)
    unit = along / length[:, None]
    for barb in (left, right):
        np.testing.assert_allclose(barb[:, 0], at + along, atol=1e-6)
        back = np.einsum("ij,ij->i", barb[:, 1] - barb[:, 0], unit)
        np.testing.assert_allclose(back, -np.minimum(0.2, 0.4 * length), atol=2e-6)
    middle = (left[:, 1] + right[:, 1]) / 2
    np.testing.assert_allclose(middle, at + along + unit * -np.minimum(0.2, 0.4 * length)[:, None], atol=2e-6)
    apart = np.linalg.norm(left[:, 1] - right[:, 1], axis=1)
    np.testing.assert_allclose(apart, 1.2 * np.minimum(0.2, 0.4 * length), atol=2e-6)


def uncut(layer: Arrows, data: dict[str, Any]) -> dict[str, Any]:
    return replace(layer, within=None).columns(data)


def one_head(layer: Arrows, data: dict[str, Any]) -> dict[str, Any]:
    return {name: column[:12] for name, column in Arrows.columns(layer, data).items()}


@pytest.mark.subject(Arrows.columns, uncut=uncut, one_head=one_head)
def test_an_arrow_that_leaves_the_picture_is_cut_at_its_border_and_has_two_heads_there(subject):
    """One stays inside, one leaves to the right, one through the top, one starts outside and is left as it is."""
    at = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 1.0], [3.0, 0.0]])
    along = np.array([[0.5, 0.0], [1.0, 0.5], [1.0, 4.0], [-9.0, 0.0]])
    (layer,) = Plane(1.0, Arrows("a", head=0.1), half_height=2.0).layers.values()
    found = pieces(subject(layer, {"at": at, "along": along}))
    shafts, barbs = found[:4], found[4:]
    np.testing.assert_allclose(shafts[:, 1], [[0.5, 0], [1.0, 0.25], [0.25, 2.0], [-6.0, 0.0]], atol=1e-6)
    tips, count = np.unique(barbs[:, 0].round(5), axis=0, return_counts=True)
    assert count.tolist() == [2] * 6, "two barbs each, at four tips and a little before two of them"
    for tip, direction in (((1.0, 0.25), (1.0, 0.5)), ((0.25, 2.0), (1.0, 4.0))):
        behind = np.subtract(tip, 0.07 * np.array(direction) / np.hypot(*direction))
        assert np.isclose(tips, behind, atol=1e-4).all(axis=1).any()


def test_the_scale_of_a_field_is_the_length_of_one_of_its_arrows():
    grid = np.linspace(-1, 1, 5)
    vectors = np.zeros((25, 2))
    vectors[7] = (0.0, 8.0)
    length, words = field_scale(grid, 8.0, 4.0, "per unit")
    assert words == "8 per unit"
    assert length == pytest.approx(np.linalg.norm(field_arrows(grid, vectors, 4.0)["along"][7]))
    assert field_scale(grid, 0.5, 4.0)[1] == "0.5"


def test_an_arrow_of_no_length_is_a_point():
    found = pieces(Arrows("a").columns({"at": (1.0, 2.0), "along": [[0.0, 0.0]]}))
    np.testing.assert_array_equal(found, np.broadcast_to([1.0, 2.0], (3, 2, 2)))


@pytest.mark.subject(
    field_arrows,
    transposed=lambda grid, vectors, half: {
        "at": np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2),
        "along": field_arrows(grid, vectors, half)["along"],
    },
    as_long_as_it_is=lambda grid, vectors, half: {**field_arrows(grid, vectors, half), "along": vectors},
)
def test_arrows_of_a_field_fit_into_their_cells(subject, rng):
    grid = np.linspace(-2, 2, 5)
    vectors = 10.0 ** rng.uniform(-3, 3, (25, 1)) * rng.standard_normal((25, 2))
    made = subject(grid, vectors, 4.0)
    np.testing.assert_allclose(made["at"][:6], [[-2, -2], [-1, -2], [0, -2], [1, -2], [2, -2], [-2, -1]])
    length, size = np.linalg.norm(made["along"], axis=1), np.linalg.norm(vectors, axis=1)
    assert np.all(length < 1)
    np.testing.assert_allclose(length, 0.85 * size / (size + 4))
    np.testing.assert_allclose(made["along"] / length[:, None], vectors / size[:, None])
    half = subject(grid, np.tile([4.0, 0.0], (25, 1)), 4.0)
    np.testing.assert_allclose(half["along"], np.tile([0.85 / 2, 0], (25, 1)))


# --- pictures --------------------------------------------------------------------------------------------------------


def bytes_of(image: np.ndarray) -> np.ndarray:
    """(H, W, 4), row 0 at the top again, as the page's canvas reads it: red first."""
    return image.view(np.uint8).reshape(*image.shape, 4)[::-1]


@pytest.mark.subject(
    rgba_image,
    upside_down=lambda image: rgba_image(np.asarray(image)[::-1]),
    blue_first=lambda image: rgba_image(np.asarray(image)[..., ::-1]) if np.ndim(image) == 3 else rgba_image(image),
)
def test_a_picture_is_one_number_a_pixel(subject):
    red, green, grey = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.5]
    found = bytes_of(subject([[red, green], [grey, grey]]))
    assert found[0].tolist() == [[255, 0, 0, 255], [0, 255, 0, 255]], "the top row"
    assert found[1].tolist() == [[128, 128, 128, 255]] * 2


def test_pictures_may_be_grey_or_bytes_or_clear():
    assert bytes_of(rgba_image([[0.0, 1.0], [2.0, -1.0]])).tolist() == [
        [[0, 0, 0, 255], [255] * 4],
        [[255] * 4, [0, 0, 0, 255]],
    ]
    assert bytes_of(rgba_image(np.array([[7]], np.uint8))).tolist() == [[[7, 7, 7, 255]]]
    assert bytes_of(rgba_image(np.array([[[1, 2, 3, 4]]], np.uint8))).tolist() == [[[1, 2, 3, 4]]]


def test_a_grid_of_pictures_has_a_gap_of_one_pixel():
    images = np.stack([np.full((2, 3), k / 4) for k in range(5)])
    found = bytes_of(ImageGrid("a", across=2).columns({"images": images})["image"])
    assert found.shape == (3 * 3 - 1, 2 * 4 - 1, 4)
    grey = np.where(found[..., 3] == 255, found[..., 0].astype(int), -1)
    expected = np.full((8, 7), -1)
    for k, level in enumerate([0, 64, 128, 191, 255]):
        row, column = divmod(k, 2)
        expected[3 * row : 3 * row + 2, 4 * column : 4 * column + 3] = level
    np.testing.assert_array_equal(grey, expected)


def test_a_grid_takes_colours_and_bytes():
    images = np.array([[[[255, 0, 0]]], [[[0, 0, 255]]]], np.uint8)
    found = bytes_of(ImageGrid("a", across=2).columns({"images": images})["image"])
    assert found.tolist() == [[[255, 0, 0, 255], [0, 0, 0, 0], [0, 0, 255, 255]]]


def test_equal_paths_are_one_line_with_gaps(rng):
    paths = rng.standard_normal((4, 3, 2))
    made = Lines("a").columns({"paths": paths})
    x, y = (made[name].reshape(3, 5) for name in ("x", "y"))
    assert np.all(np.isnan(x[:, -1])) and np.all(np.isnan(y[:, -1]))
    np.testing.assert_allclose(np.stack([x[:, :-1], y[:, :-1]], axis=-1), paths.swapaxes(0, 1), rtol=1e-6)


# --- scenes ----------------------------------------------------------------------------------------------------------


def test_a_plane_has_equal_axes():
    plane = Plane(2.0, half_height=1.0)
    assert (plane.x, plane.y, plane.aspect, plane.place) == ((-2, 2), (-1, 1), 2, "picture")
    assert (Plane(3.0).x, Plane(3.0).y, Plane(3.0).aspect) == ((-3, 3), (-3, 3), 1)
    assert Plane(1.0, x=(0, 8), y=(0, 2)).aspect == 4


def test_axes_stand_below_the_measures_unless_they_are_a_picture():
    axes = Axes("Loss", x=(0, 1), y=(1, 10), log="y", x_label="step", ticks={"y": (1, 10)})
    assert (axes.place, axes.title, axes.log, axes.x_label, axes.ticks) == (
        "chart",
        "Loss",
        "y",
        "step",
        {"y": (1, 10)},
    )
    assert Axes("Loss", x=(0, 1), y=(0, 1), place="picture").place == "picture"


def test_two_layers_of_one_name_are_refused():
    with pytest.raises(ValueError, match="Two layers of a scene have one name"):
        Plane(1.0, Points("a"), Lines("a"))


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match="The scene has no layer b, c; it has a"):
        Plane(1.0, Points("a")).layer("a", "b", "c")


def test_layers_are_in_the_order_in_which_they_are_drawn():
    assert list(Plane(1.0, Points("b"), Lines("a"), Heat("c")).layers) == ["b", "a", "c"]


@pytest.mark.parametrize("layer", [layer for layer, *_ in KINDS], ids=kind_name)
def test_each_has_a_mark_for_its_legend(layer):
    assert layer.mark in ("line", "dot", "arrow", "area", "bar")


def test_the_kinds_need_no_panel_and_no_bokeh():
    assert not {"panel", "bokeh", "param"} & set(vars(scenes))
