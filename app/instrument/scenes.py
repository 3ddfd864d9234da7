"""Pictures as scenes: each is a plane or a pair of axes with named layers, whose data are plain arrays.

Nothing here draws. A layer declares its columns, its colour tokens and when it is shown; a method of the instrument,
registered by `scene.layer`, returns its data. `view.py` makes Bokeh figures of scenes, and the page puts the same
columns into the figures that were made at build time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from diffusion_lab.app.instrument.conditions import Condition, When

#: One column of a layer: numbers, or texts.
Column = np.ndarray | list[str]
Columns = dict[str, Column]

#: As a layer's colour: each row has the colour of its column `part` (0 … 5; -1 is grey).
BY_PART = "parts"

#: Widths of scenes in pixels, before a page scales them to its room.
PICTURE_WIDTH, CHART_WIDTH = 600, 340


def _floats(values: Any) -> np.ndarray:
    """Contiguous float32: its rounding is far below a pixel, and it halves the size of messages."""
    return np.ascontiguousarray(values, dtype=np.float32)


def _xy(points: Any, names: tuple[str, str] = ("x", "y")) -> Columns:
    points = np.asarray(points)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"Points must have shape (N, 2), got {points.shape}.")
    return {names[0]: _floats(points[:, 0]), names[1]: _floats(points[:, 1])}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A named part of a scene.

    colour: a token of the theme, or `BY_PART`; when: a condition; legend: its words below the picture, which say what
    it stands for, not its colour; "" for none. ramp: where its opacity means a number, the words at both ends of that.
    """

    name: str = field(kw_only=False)
    colour: str = field(default="ink", kw_only=False)
    alpha: float = 1.0
    when: When = None
    legend: str = ""
    ramp: tuple[str, str] = ("", "")

    #: Columns of the layer, in the order of its glyph's coordinates.
    names: ClassVar[tuple[str, ...]] = ()
    #: How the legend shows it: "line", "dot", "arrow", "area" or "bar".
    mark: ClassVar[str] = "line"

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """The columns sent to the page for an instrument's `data`; raises `ValueError` for data of a wrong shape."""
        raise NotImplementedError

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, with that of colours."""
        return (*self.names, "part") if self.colour == BY_PART else self.names

    @cached_property
    def condition(self) -> Condition:
        """The condition under which it is shown; parsed once, because every answer asks for it."""
        return Condition.of(self.when)

    def empty(self) -> Columns:
        """Columns of no rows."""
        return {name: [] if name == "text" else _floats([]) for name in self.column_names}

    def _with_part(self, columns: Columns, data: Mapping[str, Any]) -> Columns:
        if self.colour == BY_PART:
            length = len(next(iter(columns.values())))
            columns["part"] = _floats(np.resize(np.asarray(data["part"]), length))
        return columns


@dataclass(frozen=True, kw_only=True)
class Points(Layer):
    """Dots. Data: x (N, 2); with `BY_PART`, part (N,)."""

    size: float = 5.0
    alpha: float = 0.85
    names: ClassVar[tuple[str, ...]] = ("x", "y")
    mark: ClassVar[str] = "dot"

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """Columns x and y."""
        return self._with_part(_xy(data["x"]), data)


@dataclass(frozen=True, kw_only=True)
class Segments(Layer):
    """Straight pieces. Data: start (M, 2), end (M, 2); with `BY_PART`, part (M,), or (P,) where P pieces repeat."""

    width: float = 1.0
    names: ClassVar[tuple[str, ...]] = ("x", "y", "x1", "y1")

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """Columns of both ends."""
        return self._with_part(_xy(data["start"]) | _xy(data["end"], ("x1", "y1")), data)


@dataclass(frozen=True, kw_only=True)
class Arrows(Layer):
    """Arrows with heads. Data: at (2,) or (M, 2), along (M, 2), in data units.

    head: length of the two barbs in data units, at most 0.4 of the arrow; 0 draws shafts alone. scale: a length in data
    units and what an arrow of this length means, for the legend. within: the ranges of the scene, set by it: an arrow
    that leaves the picture is cut at its border and has two heads there.
    """

    width: float = 1.5
    head: float = 0.16
    scale: tuple[float, str] | None = None
    within: tuple[tuple[float, float], tuple[float, float]] | None = None
    names: ClassVar[tuple[str, ...]] = ("x", "y", "x1", "y1")
    mark: ClassVar[str] = "arrow"

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """Columns of the shafts' ends, then of the barbs'."""
        along = np.asarray(data["along"], dtype=np.float64).reshape(-1, 2)
        at = np.broadcast_to(np.asarray(data["at"], dtype=np.float64), along.shape)
        along, leaves = self._cut(at, along)
        tip = at + along
        starts, ends = [at], [tip]
        if self.head:
            length = np.linalg.norm(along, axis=1, keepdims=True)
            back = -np.minimum(self.head, 0.4 * length) * along / np.maximum(length, 1e-9)
            aside = 0.6 * np.stack([-back[:, 1], back[:, 0]], axis=1)
            for heads, tips in ((slice(None), tip), (leaves, (tip + 0.7 * back)[leaves])):
                starts += [tips, tips]
                ends += [tips + (back + aside)[heads], tips + (back - aside)[heads]]
        return _xy(np.concatenate(starts)) | _xy(np.concatenate(ends), ("x1", "y1"))

    def _cut(self, at: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Arrows (M, 2) that start inside, shortened to the picture, and which (M,) of them are."""
        if self.within is None:
            return along, np.zeros(len(along), bool)
        low, high = np.transpose(self.within)
        border = np.where(along > 0, high, low)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(along != 0, (border - at) / along, np.inf).min(axis=1)
        leaves = (share < 1) & np.all((at >= low) & (at <= high), axis=1)
        return along * np.where(leaves, share, 1.0)[:, None], leaves


@dataclass(frozen=True, kw_only=True)
class Lines(Layer):
    """Lines through points. Data: x (N,) and y (N,); or paths (F, P, 2), the paths of P points through F times."""

    width: float = 2.0
    dash: tuple[int, ...] = ()
    names: ClassVar[tuple[str, ...]] = ("x", "y")

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """Columns x and y; paths become one line with gaps."""
        if "paths" not in data:
            return {"x": _floats(data["x"]), "y": _floats(data["y"])}
        paths = np.asarray(data["paths"], dtype=np.float32)
        gap = np.full((1, *paths.shape[1:]), np.nan, np.float32)
        x, y = np.concatenate([paths, gap]).transpose(2, 1, 0).reshape(2, -1)
        return {"x": _floats(x), "y": _floats(y)}


@dataclass(frozen=True, kw_only=True)
class Heat(Layer):
    """A picture of shades over the whole plane. Data: image (rows, columns), row 0 at the bottom.

    With a token as colour: uint8, from 0, transparent, to 255, the token at the opacity `strongest`; floats from 0 to 1
    are scaled. With `BY_PART`: int8, the part of each pixel; -1 grey, -2 transparent. With "diverging": int8 from -127
    (c0) over 0 (transparent) to 127 (c1); floats from -1 to 1 are scaled. smooth: drawn by interpolation between cells,
    as densities are, not as a picture of pixels; parts never are.
    """

    strongest: float = 0.36
    smooth: bool = True
    names: ClassVar[tuple[str, ...]] = ("image",)
    mark: ClassVar[str] = "area"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The image alone."""
        return self.names

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """The image as one byte a pixel."""
        image = np.asarray(data["image"])
        if image.ndim != 2:
            raise ValueError(f"A heat map must have shape (rows, columns), got {image.shape}.")
        if image.dtype.kind == "f":
            scale = 127.0 if self.colour == "diverging" else 255.0
            image = np.clip(np.round(scale * image), -127 if self.colour == "diverging" else 0, scale)
        return {"image": np.ascontiguousarray(image, np.uint8 if self._positive else np.int8)}

    @property
    def _positive(self) -> bool:
        return self.colour not in (BY_PART, "diverging")

    def empty(self) -> Columns:
        """One transparent pixel."""
        nothing = -2 if self.colour == BY_PART else 0
        return {"image": np.full((1, 1), nothing, np.uint8 if self._positive else np.int8)}


@dataclass(frozen=True, kw_only=True)
class Image(Layer):
    """A picture in its own colours over the whole plane. Data: image, floats 0 to 1 or uint8, (H, W), (H, W, 3 or 4).

    Row 0 is the top, as in image files.
    """

    names: ClassVar[tuple[str, ...]] = ("image",)
    mark: ClassVar[str] = "area"

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """RGBA as one uint32 per pixel, row 0 at the bottom, as Bokeh expects."""
        return {"image": rgba_image(data["image"])}

    def empty(self) -> Columns:
        """One transparent pixel."""
        return {"image": np.zeros((1, 1), np.uint32)}


@dataclass(frozen=True, kw_only=True)
class ImageGrid(Image):
    """Equal pictures, `across` of them in a row, one pixel apart. Data: images (N, H, W) or (N, H, W, C)."""

    across: int = 4

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """All pictures as one."""
        images = np.asarray(data["images"])
        if images.dtype.kind != "f":
            images = images / 255.0
        if images.ndim == 3:
            images = np.repeat(images[..., None], 3, axis=3)
        count, height, width = images.shape[:3]
        down = -(-count // self.across)
        sheet = np.zeros((down * (height + 1) - 1, self.across * (width + 1) - 1, 4))
        for k, image in enumerate(images):
            row, column = divmod(k, self.across)
            place = sheet[row * (height + 1) :, column * (width + 1) :][:height, :width]
            place[..., :3], place[..., 3] = image[..., :3], 1.0
        return {"image": rgba_image(sheet)}


@dataclass(frozen=True, kw_only=True)
class Bars(Layer):
    """Upright bars. Data: x (N,) centres, height (N,), from 0; with `BY_PART`, part (N,)."""

    width: float = 0.8
    names: ClassVar[tuple[str, ...]] = ("x", "y", "width", "height", "alpha")
    mark: ClassVar[str] = "bar"

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """Rectangles about their centres."""
        x, height = np.asarray(data["x"], float), np.asarray(data["height"], float)
        sizes = {"width": np.full(len(x), self.width), "height": height, "alpha": np.full(len(x), self.alpha)}
        columns: Columns = {name: _floats(values) for name, values in {"x": x, "y": height / 2, **sizes}.items()}
        return self._with_part(columns, data)


@dataclass(frozen=True, kw_only=True)
class Boxes(Layer):
    """Rectangles. Data: at (M, 2) centres, size (2,) or (M, 2), alpha () or (M,), the opacity of each."""

    outline: str = ""
    names: ClassVar[tuple[str, ...]] = ("x", "y", "width", "height", "alpha")
    mark: ClassVar[str] = "bar"

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """Centres, sizes and opacities."""
        columns = _xy(np.asarray(data["at"]).reshape(-1, 2))
        count = len(columns["x"])
        width, height = np.broadcast_to(np.asarray(data["size"], float), (count, 2)).T
        alpha = np.broadcast_to(np.asarray(data.get("alpha", self.alpha), float), (count,))
        columns |= {"width": _floats(width), "height": _floats(height), "alpha": _floats(alpha)}
        return self._with_part(columns, data)


@dataclass(frozen=True, kw_only=True)
class Band(Layer):
    """An area between two lines. Data: x, low and high, (N,) each."""

    alpha: float = 0.2
    names: ClassVar[tuple[str, ...]] = ("x", "y1", "y2")
    mark: ClassVar[str] = "area"

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """Columns x, y1 and y2."""
        return {"x": _floats(data["x"]), "y1": _floats(data["low"]), "y2": _floats(data["high"])}


@dataclass(frozen=True, kw_only=True)
class Texts(Layer):
    """Words. Data: at (M, 2), text: M strings; with `BY_PART`, part (M,)."""

    size: str = "15px"
    align: str = "center"
    names: ClassVar[tuple[str, ...]] = ("x", "y", "text")

    def columns(self, data: Mapping[str, Any]) -> Columns:
        """Points and their words."""
        columns = _xy(np.asarray(data["at"], float).reshape(-1, 2))
        columns["text"] = [str(text) for text in data["text"]]
        if len(columns["text"]) != len(columns["x"]):
            raise ValueError(f"There are {len(columns['text'])} texts at {len(columns['x'])} points.")
        return self._with_part(columns, data)


# --- scenes ----------------------------------------------------------------------------------------------------------


class Scene:
    """A picture: its layers from bottom to top, and the methods of the instrument that give their data.

    aspect: width over height; title: its content in words; place: "picture", where scenes are placed side by side,
    "below" these, or "chart", below the measures; `x` and `y`: the ranges of the axes.
    """

    def __init__(
        self,
        *layers: Layer,
        x: tuple[float, float],
        y: tuple[float, float],
        aspect: float,
        title: str = "",
        place: str = "picture",
        when: When = None,
    ) -> None:
        self.layers: dict[str, Layer] = {layer.name: layer for layer in layers}
        if len(self.layers) < len(layers):
            raise ValueError("Two layers of a scene have one name.")
        for layer in layers:
            if isinstance(layer, Arrows):
                self.layers[layer.name] = replace(layer, within=(x, y))
        self.x, self.y, self.aspect, self.title, self.place = x, y, aspect, title, place
        self.when = Condition.of(when)
        self.name = ""  # set by the instrument's class
        self.drawings: list[tuple[tuple[str, ...], Callable[..., Any]]] = []
        self.limits: Callable[..., Any] | None = None

    def layer(self, *names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Registers a method that returns the data of a layer as a mapping, or yields one mapping for each of several.

        A hidden layer is not computed; `None` means empty data.
        """
        unknown = [name for name in names if name not in self.layers]
        if unknown:
            raise ValueError(f"The scene has no layer {', '.join(unknown)}; it has {', '.join(self.layers)}.")

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.drawings.append((names, function))
            return function

        return register

    def ranges(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Registers a method that returns the ranges (x, y), two pairs, for axes that follow the data."""
        self.limits = function
        return function


class Plane(Scene):
    """A plane without axes about (0, 0), equal scales; `half_height` is the same as `half_width` unless given."""

    def __init__(
        self,
        half_width: float,
        *layers: Layer,
        half_height: float | None = None,
        x: tuple[float, float] | None = None,
        y: tuple[float, float] | None = None,
        title: str = "",
        place: str = "picture",
        when: When = None,
    ) -> None:
        half_height = half_height or half_width
        x, y = x or (-half_width, half_width), y or (-half_height, half_height)
        aspect = (x[1] - x[0]) / (y[1] - y[0])
        super().__init__(*layers, x=x, y=y, aspect=aspect, title=title, place=place, when=when)


class Axes(Scene):
    """Axes with numbers. log: "x", "y" or "xy"; x_label, y_label: quantity with unit; ticks: axis → numbers shown."""

    def __init__(
        self,
        title: str,
        *layers: Layer,
        x: tuple[float, float],
        y: tuple[float, float],
        log: str = "",
        aspect: float = 1.7,
        x_label: str = "",
        y_label: str = "",
        ticks: Mapping[str, Sequence[float]] | None = None,
        place: str = "chart",
        when: When = None,
    ) -> None:
        super().__init__(*layers, x=x, y=y, aspect=aspect, title=title, place=place, when=when)
        self.log, self.x_label, self.y_label, self.ticks = log, x_label, y_label, dict(ticks or {})


# --- data for layers -------------------------------------------------------------------------------------------------


def field_arrows(grid: np.ndarray, vectors: np.ndarray, half_length_at: float) -> dict[str, np.ndarray]:
    """Data of an `Arrows` layer: vectors (G², 2) at a square grid over the coordinates `grid` (G,).

    An arrow is at most as long as a cell, and half as long where its vector has the length `half_length_at`.
    """
    at = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return {"at": at, "along": 0.85 * (grid[1] - grid[0]) * vectors / (length + half_length_at)}


def field_scale(grid: np.ndarray, length: float, half_length_at: float, unit: str = "") -> tuple[float, str]:
    """The `scale` of arrows made by `field_arrows`: that of a vector of this length."""
    drawn = 0.85 * (grid[1] - grid[0]) * length / (length + half_length_at)
    return float(drawn), f"{length:g} {unit}".strip()


def rgba_image(image: Any) -> np.ndarray:
    """An image (H, W), (H, W, 3) or (H, W, 4), floats 0 to 1 or uint8, row 0 at the top, as uint32 RGBA, flipped."""
    image = np.asarray(image)
    if image.dtype.kind == "f":
        image = np.clip(np.round(255.0 * image), 0, 255)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] not in (3, 4):
        raise ValueError(f"An image must have shape (H, W), (H, W, 3) or (H, W, 4), got {image.shape}.")
    rgba = np.full((*image.shape[:2], 4), 255, np.uint8)
    rgba[..., : image.shape[2]] = image
    return np.ascontiguousarray(rgba[::-1]).view(np.uint32)[..., 0]
