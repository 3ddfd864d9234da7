"""The guidance dial on its front panel: what guided sampling gives, what it was meant to give, and a point to probe."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np
import param
from bokeh.plotting import figure

from diffusion_lab.app.component import Instrument
from diffusion_lab.app.front_panel import FrontPanel
from diffusion_lab.instruments.common import conditional_mixtures, guidance, schedules
from diffusion_lab.instruments.common.guidance import GaussianAnswers
from diffusion_lab.instruments.common.levels import CLEAN
from diffusion_lab.instruments.common.samplers import langevin, ode, sde
from diffusion_lab.instruments.guidance import kernel, pictures
from diffusion_lab.instruments.guidance.panel import FRONT_PANEL

PATH_POINTS = {"deterministic": 40, "stochastic": 12, "langevin": 4}  # that show the ways they came
SAMPLERS = {"deterministic": "ode_heun", "stochastic": "sde_heun", "langevin": "langevin"}
METHODS = {
    "deterministic": "probability-flow ODE, Heun",
    "stochastic": "reverse SDE, noise and Heun",
    "langevin": "annealed Langevin",
}
GUIDED_BY = {
    "classifier_free": "both branches counted",
    "classifier": "network and classifier counted",
    "clean_classifier": "network and classifier counted",
}


class Guidance(Instrument):
    """Classifier-free guidance on a conditional Gaussian mixture, with both predictions exact."""

    title: ClassVar[str] = "Guidance dial"
    figure_aspect: ClassVar[float] = pictures.EXTENT[0] / pictures.EXTENT[1]
    figure_extent: ClassVar[tuple[float, float]] = pictures.EXTENT

    view = param.Selector(
        default="samples",
        objects=["samples", "probe"],
        label="View",
        doc="Points sampled with guidance, or the predictions at one point that you place.",
    )
    condition = param.Selector(
        default="A",
        objects=["A", "B", "C", "gaussian"],
        label="Condition",
        doc="The class asked for; Gaussian, p(x|c) = N(0, I) within p(x) = N(0, 2 I), has known answers.",
    )
    convention = param.Selector(
        default="scale",
        objects=["scale", "weight"],
        label="Convention",
        doc="Scale: (1 − w) ε∅ + w ε_c, plain conditioning at w = 1. Weight: (1 + w′) ε_c − w′ ε∅, plain at w′ = 0.",
    )
    guidance_scale = param.Number(
        default=3.0,
        bounds=(0.0, 10.0),
        step=0.1,
        label="Guidance scale",
        doc="0 ignores the condition, 1 is plain conditioning, above 1 extrapolates.",
    )
    guidance_weight = param.Number(
        default=2.0,
        bounds=(-1.0, 9.0),
        step=0.1,
        label="Guidance weight",
        doc="The same dial counted from plain conditioning: w′ = w − 1.",
    )
    guide_by = param.Selector(
        default="classifier_free",
        objects=list(kernel.GUIDED_BY),
        label="Guide by",
        doc="Two predictions; a classifier of noised points, the same here; or one of clean points, misled by noise.",
    )
    sampler = param.Selector(
        default="deterministic",
        objects=["deterministic", "stochastic", "langevin"],
        label="Sampler",
        doc="The probability-flow ODE, the reverse SDE, or annealed Langevin, each with the guided prediction.",
    )
    guide_at = param.Selector(
        default="every_level",
        objects=["every_level", "interval"],
        label="Guide at",
        doc="Guidance at every noise level, or within an interval, with plain conditioning outside it.",
    )
    interval_low = param.Number(
        default=0.05,
        bounds=(0.0, 1.0),
        step=0.01,
        label="Interval from",
        doc="Below this noise level t, plain conditioning.",
    )
    interval_high = param.Number(
        default=0.3,
        bounds=(0.0, 1.0),
        step=0.01,
        label="Interval to",
        doc="Above this noise level t, plain conditioning.",
    )
    progress = param.Number(
        default=1.0,
        bounds=(0.0, 1.0),
        step=0.005,
        label="Sampling progress",
        doc="How far along the way from noise the picture stands: 1 is the finished sample.",
    )
    num_levels = param.Integer(
        default=24, bounds=(6, 60), step=1, label="Noise levels", doc="Noise levels that the sampler steps through."
    )
    num_steps = param.Integer(
        default=5, bounds=(1, 12), step=1, label="Steps a level", doc="Langevin steps at each noise level."
    )
    probe_x = param.Number(
        default=0.1, bounds=(-3.0, 3.0), step=0.05, label="Probe, across", doc="Where the probed point lies, across."
    )
    probe_y = param.Number(
        default=0.6, bounds=(-3.0, 3.0), step=0.05, label="Probe, up", doc="Where the probed point lies, upwards."
    )
    t = param.Number(
        default=0.12, bounds=(0.01, 1.0), step=0.01, label="Noise level", doc="How noisy the probed point is."
    )
    seed = param.Integer(
        default=4, bounds=(0, 9999), label="Seed", doc="The same seed gives the same noise, at every w."
    )
    show_tilted = param.Boolean(
        default=True, label="Tilted density", doc="Shading by p(x|c)^w p(x)^(1−w) at the picture's noise level."
    )
    show_classes = param.Boolean(
        default=True, label="Classes", doc="Circles of one standard deviation about each cluster of each class."
    )
    show_paths = param.Boolean(
        default=False, label="Paths", doc="The ways that a few of the points have come from noise."
    )

    front_panel: ClassVar[FrontPanel] = FRONT_PANEL
    editable = (
        guidance.combine,
        conditional_mixtures.exact_eps_of_both,
        conditional_mixtures.exact_eps,
        ode.heun_step,
        sde.sde_heun,
        langevin.annealed_langevin,
        schedules.Karras.sigma,
        schedules.Exponential.alpha_bar,
    )
    kept = ("_run", "_curve_of", "_marked", "_shaded", "_outlined")

    _run: tuple[kernel.Settings, kernel.Run, float] | None = None
    _curve_of: kernel.Settings | None = None
    _marked: kernel.Settings | None = None
    _shaded: tuple[str, float, float] | None = None
    _outlined: tuple[str, float] | None = None

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._initial = {name: getattr(self, name) for name in self.settings()}  # as settled, both names of w agreeing

    # --- what is computed --------------------------------------------------------------------------------------------

    def _settings(self) -> kernel.Settings:
        """What a run depends on; what has no say in it at its default, so that moving it costs nothing."""
        return kernel.Settings(
            condition=self.condition,
            sampler=SAMPLERS[self.sampler],
            guidance_scale=self.guidance_scale,
            interval=(self.interval_low, self.interval_high) if self.guide_at == "interval" else (0.0, 1.0),
            num_levels=self.num_levels,
            num_steps=self.num_steps if self.sampler == "langevin" else 1,
            seed=self.seed,
            guide_by=self.guide_by,
        )

    def _sample(self) -> tuple[kernel.Run, float]:
        """The run of the current settings and the milliseconds it took; kept until a setting that it uses changes."""
        settings = self._now
        if self._run is None or self._run[0] != settings:
            start = time.perf_counter()
            run = kernel.sample(settings)
            self._run = settings, run, 1000 * (time.perf_counter() - start)
        return self._run[1:]

    def _frame(self) -> int:
        return round(self.progress * (len(self._sample()[0].x) - 1))

    def _time(self) -> float:
        """The t of the picture."""
        return self.t if self.view == "probe" else float(self._sample()[0].t[self._frame()])

    def settle(self, changed: frozenset[str]) -> None:
        """The two names of the dial agree, the interval is in order, and only samples are played."""
        moved = changed or frozenset(self.state())
        if "guidance_weight" in moved and "guidance_scale" not in moved:
            self.guidance_scale = round(self.guidance_weight + 1.0, 9)
        else:
            self.guidance_weight = round(self.guidance_scale - 1.0, 9)
        if "interval_high" in moved:
            self.interval_low = min(self.interval_low, self.interval_high)
        else:
            self.interval_high = max(self.interval_low, self.interval_high)
        if self.view == "probe":
            self.playing = False

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def make_figure(self) -> figure:
        """Points over circles of the classes over the tilted density, or the probe's arrows."""
        self._picture = pictures.Picture(self.theme)
        return self._picture.plot

    def make_chart(self) -> figure:
        """Adherence against spread, for all w at once, and where the dial stands."""
        self._chart = pictures.Chart(self.theme, self.chart_aspect)
        return self._chart.plot

    def restyle(self) -> None:
        """The same pictures in the theme's colours."""
        self._picture.restyle(self.theme)
        self._chart.restyle(self.theme)

    def update(self, changed: frozenset[str]) -> None:
        """Recompute what the changed settings touch, and move the picture."""
        self._now = self._settings()
        probing = self.view == "probe"
        t = self._time()
        if probing:
            self._draw_probe()
        else:
            self._draw_samples(t)
        self._draw_tilted(t)
        self._draw_classes(t)
        if {"view", "condition", "show_tilted", "show_classes", "show_paths"} & changed:
            self._picture.show(
                probing=probing, tilted=self.show_tilted, classes=self.show_classes, paths=self.show_paths
            )
            self._chart.show_marks(not probing)

    def rest(self) -> None:
        """The curves of the chart: samples at nine values of w."""
        everywhere = self._now.at_scale(1.0)
        if self._curve_of != everywhere:
            self._curve_of = everywhere
            self._chart.draw_curves((kernel.tilted_curve(self.condition), kernel.sampled_curve(everywhere)))

    def _draw_samples(self, t: float) -> None:
        (run, milliseconds), frame = self._sample(), self._frame()
        self._x = run.x[frame]
        self._found = kernel.measures(kernel.noised(self.condition, t), self._x)
        self._target = kernel.tilted(self.condition, t).measures(self.guidance_scale)
        self._picture.draw_points(self._x)
        if self.show_paths:
            self._picture.draw_paths(run.x[: frame + 1, : PATH_POINTS[self.sampler]])
        if self._marked != self._now:
            self._marked = self._now
            final = kernel.measures(kernel.CONDITIONS[self.condition], run.x[-1])
            self._chart.draw_marks((kernel.tilted(self.condition, 0.0).measures(self.guidance_scale), final))
        steps = f" × {self.num_steps} steps" if self.sampler == "langevin" else ""
        self.status = (
            f"{METHODS[self.sampler]}: {self.num_levels} levels{steps} × {len(self._x)} points, {run.nfe} evaluations"
            f" each, {GUIDED_BY[self.guide_by]} · {milliseconds:.0f} ms · exact predictions, float64"
        )

    def _draw_probe(self) -> None:
        model, at = kernel.CONDITIONS[self.condition], (self.probe_x, self.probe_y)
        self._probed = kernel.probe(model, at, self.t, self._scale_at(self.t), self.guide_by)
        self._picture.draw_probe(self._probed)
        self.status = "Two exact predictions at one point, and what guidance makes of them · float64"

    def _scale_at(self, t: float) -> float:
        """The w that acts at the noise level t."""
        within = self.guide_at == "every_level" or self.interval_low < t <= self.interval_high
        return self.guidance_scale if within else 1.0

    def _draw_tilted(self, t: float) -> None:
        shaded = self.condition, t, self._scale_at(t) if self.view == "probe" else self.guidance_scale
        if self.show_tilted and shaded != self._shaded:
            self._shaded = shaded
            self._picture.draw_tilted(kernel.tilted_image(*shaded, pictures.EXTENT, pictures.CELLS))

    def _draw_classes(self, t: float) -> None:
        outlined = self.condition, t
        if self.show_classes and outlined != self._outlined:
            self._outlined = outlined
            gaussian = self.condition == "gaussian"
            chosen = "p(x|c)" if gaussian else self.condition
            self._picture.draw_classes(kernel.groups(self.condition, t), chosen, 0.17 if gaussian else 0.0)

    # --- what is read ------------------------------------------------------------------------------------------------

    def readings(self) -> dict[str, str | list[float]]:
        """The dial in both conventions; measures of the points beside the tilted density's; the probe's vectors."""
        keys = [measure.key for measure in self.front_panel.measures]
        texts: dict[str, str | list[float]] = dict.fromkeys([*keys, *(f"{key}_true" for key in keys)], "–")
        texts |= {
            "w": f"{self.guidance_scale:.1f}",
            "weight": _signed(self.guidance_weight, 1),
            "t": f"{self._time():.2f}",
            "nfe": str(self._sample()[0].nfe) if self.view == "samples" else "2",
        }
        if self.view == "probe":
            p = self._probed
            for key, eps in (("eps_uncond", p.eps_uncond), ("eps_cond", p.eps_cond), ("eps_guided", p.eps_guided)):
                texts |= {key: _vector(eps), f"{key}_true": f"{np.hypot(*eps):.2f}"}
            return texts | {"classifier": _vector(p.classifier), "classifier_true": _vector(p.from_eps)}
        for end, m in (("", self._found), ("_true", self._target)):
            texts |= {f"adherence{end}": f"{m.adherence:.3f}", f"spread{end}": f"{m.spread:.2f}"}
            texts[f"beyond{end}"] = _signed(m.beyond, 2)
        if self.condition == "gaussian" and self.progress == 1:
            texts |= dict(zip(("variance", "variance_true", "limit", "limit_true"), self._variances(), strict=True))
        return texts

    def _variances(self) -> tuple[str, str, str, str]:
        """Variance per axis in the Gaussian case: of the points, exact in so many levels, in the limit, tilted."""
        found, answers = kernel.variance(self._x), GaussianAnswers.at(self.guidance_scale)
        error = found / np.sqrt(len(self._x) - 1)  # of 2 (N - 1) degrees of freedom
        guided_everywhere = self.guide_at == "every_level" and self.guide_by != "clean_classifier"
        limit = getattr(answers, kernel.ANSWER_OF[SAMPLERS[self.sampler]]) if guided_everywhere else float("nan")
        exact = kernel.exact_variance(self._now)
        return f"{found:.3f} ± {error:.3f}", f"{exact:.3f}", _signed(limit, 3), f"{answers.tilted:.3f}"

    def describe(self) -> str:
        """The picture in words."""
        what = "the Gaussian case" if self.condition == "gaussian" else f"class {self.condition}"
        if self.convention == "scale":
            dial = f"guidance scale w = {self.guidance_scale:.1f}"
        else:
            dial = f"guidance weight w′ = {_signed(self.guidance_weight, 1)}"
        if self.guide_by != "classifier_free":
            dial += " by a classifier of " + (
                "clean points" if self.guide_by == "clean_classifier" else "noised points"
            )
        if self.guide_at == "interval":
            dial += f" between t = {self.interval_low:.2f} and {self.interval_high:.2f}"
        steps = f" of {self.num_steps} Langevin steps" if self.sampler == "langevin" else ""
        how = f"{self.sampler} sampler, {self.num_levels} noise levels{steps}"
        if self.view == "probe":
            p, off_line = self._probed, self.guide_by == "clean_classifier"
            return (
                f"A point at ({self.probe_x:.2f}, {self.probe_y:.2f}), noise level t = {self.t:.2f}, {what}, {dial}."
                f" Noise predicted without the condition {_vector(p.eps_uncond)}, with it {_vector(p.eps_cond)},"
                f" guided {_vector(p.eps_guided)}."
                + ("" if off_line else " The guided arrow ends on the line through the other two ends.")
                + f" The chart is of samples: {how}."
            )
        m, target = self._found, self._target
        words = (
            f"{len(self._x)} points sampled for {what}, {dial}, {how}, {self.progress:.1%} done."
            f" Adherence {m.adherence:.3f} where the tilted density has {target.adherence:.3f}; spread {m.spread:.2f}"
            f" against {target.spread:.2f}; the mean lies {_signed(m.beyond, 2)} beyond that of the class, against"
            f" {_signed(target.beyond, 2)}."
        )
        if self.condition == "gaussian" and self.progress == 1:
            found, exact, limit, tilted = self._variances()
            words += (
                f" Variance per axis {found}; this sampler's own is {exact} in so many levels and {limit} in endless"
                f" ones; the tilted density has {tilted}."
            )
        return words

    def table(self) -> dict[str, np.ndarray]:
        """The points and the probability of the class at each, or the vectors at the probed point."""
        if self.view == "probe":
            p = self._probed
            names = ["position", "eps_uncond", "eps_cond", "eps_guided", "classifier_gradient"]
            x, y = np.transpose([p.position, p.eps_uncond, p.eps_cond, p.eps_guided, p.classifier])
            return {"vector": np.array(names), "x": x, "y": y}
        classifier = kernel.noised(self.condition, self._time()).log_classifier(self._x, CLEAN)
        return {"x": self._x[:, 0], "y": self._x[:, 1], "adherence": np.exp(classifier)}

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Sample: from pure noise, played from its first frame."""
        self.play_from_start(view="samples")

    def step(self) -> None:
        """One step of the sampler on; for the probe, a little more noise."""
        if self.view == "samples":
            self.param.update(playing=False, progress=min(1.0, self.progress + 1 / (len(self._sample()[0].x) - 1)))
        else:
            self.t = min(1.0, self.t + self.param.t.step)


def _signed(value: float, decimals: int) -> str:
    """A number with a real minus sign, none before zero; a dash where there is no number."""
    return "–" if np.isnan(value) else f"{value:z.{decimals}f}".replace("-", "−")


def _vector(v: np.ndarray) -> str:
    return f"({_signed(v[0], 2)}, {_signed(v[1], 2)})"
