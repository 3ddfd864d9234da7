"""One palette and type scale, shared by the CSS of the pages and by Bokeh figures.

The data colours are the Okabe-Ito set (colour-blind safe), darkened where needed for a light ground and
lightened for a dark one, so that cluster k has the same hue on both.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

ThemeName = Literal["light", "dark"]

#: Design tokens of each theme; `--name` in CSS.
TOKENS: dict[ThemeName, dict[str, str]] = {
    "light": {
        "bg": "#fbfaf7",
        "ink": "#1c1c1a",
        "mute": "#686660",
        "line": "#e2dfd7",
        "soft": "#f3f1eb",
        "acc": "#b3401f",
        "on-acc": "#ffffff",
        "ok": "#22704c",
        "field": "#a9a69d",
        "c0": "#0072b2",
        "c1": "#d55e00",
        "c2": "#009e73",
        "c3": "#c971a2",
        "c4": "#8a6d00",
        "c5": "#5b4bb5",
    },
    "dark": {
        "bg": "#131514",
        "ink": "#e8e5dd",
        "mute": "#9d9a91",
        "line": "#2e3230",
        "soft": "#1a1d1b",
        "acc": "#f08a5d",
        "on-acc": "#131514",
        "ok": "#6cc79a",
        "field": "#5d605c",
        "c0": "#56b4e9",
        "c1": "#f0975a",
        "c2": "#3fc79b",
        "c3": "#e39cc6",
        "c4": "#e3c34d",
        "c5": "#a79bf0",
    },
}

FONTS = {
    "serif": "'Source Serif 4 Variable', Georgia, 'Times New Roman', serif",
    "sans": "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
    "mono": "'JetBrains Mono Variable', ui-monospace, Menlo, Consolas, monospace",
}


def data_palette(theme: ThemeName) -> list[str]:
    """The six categorical data colours of `theme`, as hex strings."""
    return [TOKENS[theme][f"c{k}"] for k in range(6)]


def shades(colour: str, strongest: float = 0.36, count: int = 64) -> list[str]:
    """`count` colours from transparent to `colour` at the opacity `strongest`: the page's background shows through."""
    return [f"{colour}{round(level * strongest / (count - 1) * 255):02x}" for level in range(count)]


def heat_palette(colour: str, strongest: float, theme: ThemeName) -> tuple[float, float, list[str]]:
    """Lowest and highest value and the palette of a heat map: of a token, of "parts", or "diverging"."""
    tokens = TOKENS[theme]
    if colour == "parts":
        return -2.5, 5.5, [tokens["ink"] + "00", tokens["mute"], *data_palette(theme)]
    if colour == "diverging":
        return -127, 127, [*reversed(shades(tokens["c0"], strongest)), *shades(tokens["c1"], strongest)]
    return 0, 256, shades(tokens[colour], strongest)


def css_variables() -> str:
    """The tokens as CSS: light by default, dark by the system's setting or by `data-theme` on the root element."""

    def block(theme: ThemeName) -> str:
        names = "".join(f"--{name}:{value};" for name, value in TOKENS[theme].items())
        return f"{names}color-scheme:{theme};"

    fonts = "".join(f"--{name}:{stack};" for name, stack in FONTS.items())
    return (
        f":root,:host(.own-theme){{{fonts}{block('light')}}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{block('dark')}}}}}\n"
        f":root[data-theme=dark],:host(.own-theme.dark){{{block('dark')}}}\n"
    )


def axis_colours(theme: ThemeName) -> dict[str, str]:
    """The theme's colours of an axis of a Bokeh figure."""
    mute = TOKENS[theme]["mute"]
    return dict.fromkeys(
        ("axis_line_color", "major_tick_line_color", "major_label_text_color", "axis_label_text_color"), mute
    )


def style_axes(plot: Any, theme: ThemeName) -> None:
    """Styles axes, legend and background of a Bokeh figure: the theme's colours and thin grey lines."""
    colours = TOKENS[theme]
    plot.background_fill_alpha = plot.border_fill_alpha = 0
    plot.outline_line_color = None
    for axis in plot.axis:
        axis.update(**axis_colours(theme))
        axis.major_label_text_font = axis.axis_label_text_font = "Inter Variable, system-ui, sans-serif"
        axis.major_label_text_font_size = axis.axis_label_text_font_size = "12px"
        axis.axis_label_text_font_style = "normal"
        axis.minor_tick_line_color = None
        axis.major_tick_in = 0
        axis.major_tick_out = 4
    for legend in plot.legend:
        legend.update(background_fill_color=colours["bg"], background_fill_alpha=0.8, label_text_color=colours["ink"])
        legend.border_line_color = None
        legend.update(label_text_font="Inter Variable, system-ui, sans-serif", label_text_font_size="12px")
    plot.xgrid.grid_line_color = None
    plot.ygrid.grid_line_color = colours["line"]


def restyle(plot: Any, theme: ThemeName) -> None:
    """Recolours any Bokeh plot for a theme: replaces tokens of the other theme and Bokeh's default greys."""
    style_axes(plot, theme)
    colours, others = TOKENS[theme], TOKENS["dark" if theme == "light" else "light"]
    if plot.title is not None:
        plot.title.update(text_color=colours["ink"], text_font="Inter Variable, system-ui, sans-serif")
        plot.title.update(text_font_style="normal", text_font_size="13px")  # as in the still picture
    same = {others[name].lower(): value for name, value in colours.items() if name != "on-acc"}
    for model in plot.references():
        for name, value in model.properties_with_values(include_defaults=False).items():
            shown = getattr(value, "value", value)  # the same colour for all marks, or a property of the model
            if isinstance(shown, str) and shown.lower() in same:
                setattr(model, name, same[shown.lower()])
            elif name == "palette":
                model.palette = [same.get(str(c).lower()[:7], str(c)[:7]) + str(c)[7:] for c in value]


@lru_cache(4096)
def css_variable_of(colour: str) -> str:
    """`var(--name)` for a colour that is a token of either theme (hex, any case), else the colour itself."""
    for tokens in TOKENS.values():
        for name, value in tokens.items():
            if value.lower() == colour.lower() and name != "on-acc":  # keeps white and black
                return f"var(--{name})"
    return colour
