"""The guidance dial: guided samples, the density that guidance aims at, and a point to probe."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Estimate, Handle, Instrument, Measure, Panel, Readout, Status, Transport,
    choice, computed, counted, number, readings, seed, switch, whole,
)  # fmt: skip
from diffusion_lab.app.instrument.scenes import BY_PART, Arrows, Axes, Heat, Lines, Plane, Points, Texts
from diffusion_lab.instruments.common import conditional_mixtures, guidance, schedules
from diffusion_lab.instruments.common.guidance import GUIDED_BY, GaussianAnswers
from diffusion_lab.instruments.common.levels import CLEAN
from diffusion_lab.instruments.common.samplers import langevin, ode, sde
from diffusion_lab.instruments.common.slices import Work
from diffusion_lab.instruments.common.tilted import measures
from diffusion_lab.instruments.guidance import kernel, pictures

CLASSES, CHOSEN = (tuple(f"{kind}_{k}" for k in range(3)) for kind in ("class", "chosen"))  # layers, one per colour
ARROWS = ("eps_uncond", "eps_cond", "eps_guided")
BRANCHES = {"classifier_free": "both branches", "worse_model": "both models"}
PATH_POINTS = {"ode_heun": 40, "sde_heun": 12, "langevin": 4}  # whose paths are drawn

# fmt: off
CONDITIONS = {"a": "A", "b": "B", "c": "C", "gaussian": "Gaussian"}
GUIDE_BY = {"classifier_free": "Two predictions", "classifier": "Classifier of noised points",
    "clean_classifier": "Classifier of clean points", "worse_model": "A worse model (autoguidance)"}
CONVENTIONS = {"scale": "Guidance scale (diffusers)", "imagen": "Guidance weight (Imagen)",
    "weight": "Guidance strength (Ho & Salimans)"}
TWO_PREDICTIONS = ("classifier_free", "worse_model")
SAMPLERS = {"ode_heun": "Deterministic (ODE)", "sde_heun": "Stochastic (SDE)", "langevin": "Annealed Langevin"}
METHODS = {"ode_heun": "probability-flow ODE, Heun", "sde_heun": "reverse SDE, noise and Heun",
    "langevin": "annealed Langevin"}
# fmt: on
CIRCLES = "classes, one σ"
SAMPLES, PROBE, INTERVAL = {"view": "samples"}, {"view": "probe"}, {"guide_at": "interval"}
KNOWN = SAMPLES | {"condition": "gaussian"}


class Guidance(Instrument):
    """Classifier-free guidance on a conditional Gaussian mixture, with both predictions exact."""

    # fmt: off
    title = "Guidance dial"
    question = "What does guidance sample, and what was it meant to sample?"
    editable = (guidance.combine, guidance.rescaled, conditional_mixtures.exact_eps_of_both,
        conditional_mixtures.exact_eps, ode.heun_step, sde.sde_heun, langevin.annealed_langevin,
        schedules.Karras.sigma, schedules.Exponential.alpha_bar)

    view = choice(("samples", "probe"), "samples", "View",
        "Points sampled with guidance, or the predictions at one point that you place.", style="row")
    condition = choice(CONDITIONS, "a", "Condition",
        "The class asked for; Gaussian, p(x|c) = N(0, I) within p(x) = N(0, 2 I), has exact answers.", style="row")
    guidance_scale = number(3.0, 0.0, 10.0, 0.1, "Guidance scale", symbol="w", when={"convention": "scale"},
        doc="0 ignores the condition, 1 is plain conditioning, above 1 extrapolates.")
    imagen_weight = number(3.0, 0.0, 10.0, 0.1, "Guidance weight", symbol="w", when={"convention": "imagen"},
        doc="The same number as the guidance scale: w ε_c + (1 − w) ε∅, plain conditioning at 1.")
    guidance_weight = number(2.0, -1.0, 9.0, 0.1, "Guidance strength", symbol="w′", when={"convention": "weight"},
        doc="The same dial counted from plain conditioning: (1 + w′) ε_c − w′ ε∅, so w′ = w − 1.")
    convention = choice(CONVENTIONS, "scale", "Convention",
        "Scale: ε∅ + w (ε_c − ε∅). Weight: w ε_c + (1 − w) ε∅, the same. Strength: (1 + w′) ε_c − w′ ε∅.")
    guide_by = choice(GUIDE_BY, "classifier_free", "Guide by",
        "Two predictions; a classifier of noised points, or of clean ones, a mistake; or a worse model of the class.")
    rescale = number(0.0, 0.0, 1.0, 0.05, "Guidance rescale", symbol="φ", when={"guide_by": TWO_PREDICTIONS},
        doc="Above w = 1, how far the guided prediction gets the length of the conditional one: 0 not at all.")
    model_error = number(0.0, 0.0, 0.5, 0.05, "Error of the model", symbol="δ", folded=True,
        doc="0 is exact; above, the model takes the data for noisier than they are, by this standard deviation.")
    sampler = choice(SAMPLERS, "ode_heun", "Sampler",
        "The probability-flow ODE, the reverse SDE, or annealed Langevin, each with the guided prediction.")
    guide_at = choice(("every_level", "interval"), "every_level", "Guide at",
        "Guidance at every noise level, or within an interval, with plain conditioning outside it.")
    interval_low = number(0.05, 0.0, 1.0, 0.01, "Interval from", "Below this noise level t, plain conditioning.",
        symbol="t", ends=("data", "noise"), when=INTERVAL)
    interval_high = number(0.3, 0.0, 1.0, 0.01, "Interval to", "Above this noise level t, plain conditioning.",
        symbol="t", ends=("data", "noise"), when=INTERVAL)
    progress = number(1.0, 0.0, 1.0, 0.005, "Sampling progress", when=SAMPLES, pace=kernel.angle_of_progress,
        doc="How much of the sampling is done: at 0 all is noise, at 1 the sample is finished.")
    num_levels = whole(24, 6, 60, "Noise levels", "Noise levels that the sampler steps through.", when=SAMPLES)
    langevin_steps = whole(5, 1, 12, "Steps a level", "Langevin steps at each noise level.",
        when={"sampler": "langevin"})
    probe_x = number(0.1, -3.0, 3.0, 0.05, "Probe, across", "Where the probed point lies, across.",
        symbol="x", when=PROBE)
    probe_y = number(0.6, -3.0, 3.0, 0.05, "Probe, up", "Where the probed point lies, upwards.",
        symbol="y", when=PROBE)
    t = number(0.12, 0.01, 1.0, 0.01, "Noise level", "How noisy the probed point is.",
        symbol="t", ends=("data", "noise"), when=PROBE, pace=kernel.angle)
    show_tilted = switch(True, "Tilted density", "Shading by p(x|c)^w p(x)^(1−w) at the picture's noise level.")
    show_classes = switch(True, "Classes", "Circles of one standard deviation about each cluster of each class.")
    show_paths = switch(False, "Paths", "The paths of a few of the points from noise.")
    seed = seed(4, "The same seed gives the same noise, at every w.")

    panel = Panel(
        Transport("Sample", plays={"samples": "progress", "probe": "t"}, seconds=5), frames="guidance_scale",
        main=["view", "imagen_weight", "guidance_weight"],
        pads=[Handle("probe_x", "probe_y", "Probed point", when=PROBE)],
        readouts=[Readout("w", "w", ".1f"), Readout("weight", "w′ = w − 1", ".1f"), Readout("t", "t", ".3f"),
            Readout("nfe", "NFE")],
        measures=[
            Measure("adherence", "adherence p(c | x)", ".3f", "aimed at", when=SAMPLES,
                doc="Mean probability of the class at the points; beside it, under the density that is aimed at."),
            Measure("spread", "spread", ".2f", "aimed at", when=SAMPLES,
                doc="Root mean squared distance from the mean; beside it, of the tilted density."),
            Measure("beyond", "beyond the class mean", ".2f", "aimed at", when=SAMPLES,
                doc="How far the mean lies past that of the class, on the way there from the mean of all data."),
            Measure("variance", "variance per axis", "#.3g", "exact", when=KNOWN,
                doc="Of the points, ± its standard error; beside it the exact value for this sampler and its levels."),
            Measure("limit", "variance, infinitely many steps", "#.3g", "aimed at", when=KNOWN,
                doc="The sampler's limit, from infinite noise; beside it the variance of the tilted density."),
            Measure("eps_uncond", "ε∅, without class", ".2f", "length", when=PROBE,
                doc="Noise predicted without the condition, or by the worse model where that guides."),
            Measure("eps_cond", "ε_c, with class", ".2f", "length", when=PROBE,
                doc="Noise predicted with the condition."),
            Measure("eps_guided", "ε̃, guided", ".2f", "length", when=PROBE,
                doc="The guided prediction, (1 − w) ε∅ + w ε_c, with its length rescaled where φ is above 0."),
            Measure("classifier", "classifier gradient", ".2f", "from ε", when=PROBE,
                doc="Of log p(c|x), by finite differences; beside it (ε∅ − ε_c)/√(1 − ᾱ), that of noised points."),
        ])

    plane = Plane(
        pictures.EXTENT[0],
        Heat("tilted", "ink", strongest=0.4, when="show_tilted", legend="tilted density"),
        *(Lines(name, f"c{k}", width=1, alpha=0.6, when="show_classes") for k, name in enumerate(CLASSES)),
        *(Lines(name, f"c{k}", width=2, when="show_classes", legend=("" if k else CIRCLES))
            for k, name in enumerate(CHOSEN)),
        Lines("paths", "acc", width=1, alpha=0.45, when={**SAMPLES, "show_paths": True}, legend="paths from noise"),
        Points("samples", "acc", size=4.5, alpha=0.75, when=SAMPLES, legend="guided samples"),
        Texts("names", BY_PART, when="show_classes"),
        Lines("line", "mute", width=1, alpha=0.8, when=PROBE),
        Arrows("eps_uncond", "mute", width=2.5, when=PROBE,
            legend="takes off the noise without the class (or by the worse model), ε∅"),
        Arrows("eps_cond", "ink", width=2.5, when=PROBE, legend="the noise with the class, ε_c"),
        Arrows("eps_guided", "acc", width=2.5, when=PROBE, legend="the guided noise, ε̃", scale=(0.5, "0.5")),
        half_height=pictures.EXTENT[1])
    chart = Axes(
        "Adherence against spread, for w from 0 to 10",
        Lines("tilted_curve", "mute", legend="tilted density"), Lines("sampled_curve", "acc", legend="guided samples"),
        Points("tilted_here", "mute", size=9, alpha=1, when=SAMPLES),
        Points("sampled_here", "acc", size=9, alpha=1, when=SAMPLES),
        x=(0.0, 2.2), y=(0.3, 1.04), x_label="spread", y_label="adherence")
    # fmt: on

    def reconcile(self, changed: frozenset[str]) -> None:
        """The three names of the dial agree, and the interval is in order."""
        if "guidance_scale" not in changed:
            if "guidance_weight" in changed:
                self.guidance_scale = round(self.guidance_weight + 1.0, 9)
            elif "imagen_weight" in changed:
                self.guidance_scale = self.imagen_weight
        self.imagen_weight = self.guidance_scale
        self.guidance_weight = round(self.guidance_scale - 1.0, 9)
        if "interval_high" in changed:
            self.interval_low = min(self.interval_low, self.interval_high)
        else:
            self.interval_high = max(self.interval_low, self.interval_high)

    # --- computed results --------------------------------------------------------------------------------------------

    def _settings(self, guidance_scale: float) -> kernel.Settings:
        """The settings that a run depends on. A setting without effect is not read: its changes recompute nothing."""
        return kernel.Settings(
            condition=self.condition,
            sampler=self.sampler,
            guidance_scale=guidance_scale,
            interval=(self.interval_low, self.interval_high) if self.guide_at == "interval" else (0.0, 1.0),
            num_levels=self.num_levels,
            num_steps=self.langevin_steps if self.sampler == "langevin" else 1,
            seed=self.seed,
            guide_by=self.guide_by,
            rescale=self.rescale if self.guide_by in TWO_PREDICTIONS else 0.0,
            model_error=self.model_error,
        )

    def _scale_at(self, t: float) -> float:
        """The w that acts at the noise level t."""
        within = self.guide_at == "every_level" or self.interval_low < t <= self.interval_high
        return self.guidance_scale if within else 1.0

    def _aimed_at(self, scale: float) -> float:
        """The w of the tilted density that guidance aims at: a worse model is meant to leave the class as it is."""
        return 1.0 if self.guide_by == "worse_model" else scale

    @computed(work=True, unit="noise levels")
    def sampled(self) -> Work[kernel.Run]:
        """The run."""
        return (yield from kernel.sample.work(self._settings(self.guidance_scale)))

    @computed
    def frame(self) -> int:
        """The index of the frame shown; known before the run is computed."""
        return round(self.progress * self._settings(1.0).steps)

    @computed
    def picture_t(self) -> float:
        """The t of the picture."""
        return self.t if self.view == "probe" else float(self._settings(1.0).frame_times[self.frame])

    @computed(keep=32)
    def at_noise(self) -> pictures.AtNoise:
        """Data and condition at the noise level of the picture."""
        return pictures.AtNoise(self.condition, self.picture_t)

    @computed(keep=4)
    def at_data(self) -> pictures.AtNoise:
        """The same without noise."""
        return pictures.AtNoise(self.condition, 0.0)

    @computed
    def points(self) -> np.ndarray:
        """The points of the frame, (N, 2)."""
        return self.sampled.x[self.frame]

    @computed(work=True, background=True, keep=4)
    def sampled_curve(self) -> Work[kernel.Curve]:
        """Adherence against spread of samples, for all w."""
        return (yield from kernel.sampled_curve.work(self._settings(1.0)))

    @computed
    def probed(self) -> pictures.Probe:
        """The predictions at the probed point."""
        settings, at = self._settings(self._scale_at(self.t)), (self.probe_x, self.probe_y)
        return pictures.probe(
            settings.predictions, at, self.t, settings.guidance_scale, settings.guide_by, settings.rescale
        )

    # --- layers ------------------------------------------------------------------------------------------------------

    @plane.layer("tilted")
    def _(self) -> dict[str, Any]:
        w = self._scale_at(self.t) if self.view == "probe" else self.guidance_scale
        return {"image": pictures.tilted_image(*self.at_noise.log_densities, self._aimed_at(w))}

    @plane.layer(*CLASSES, *CHOSEN, "names")
    def _(self) -> Iterator[dict[str, Any] | None]:
        groups = pictures.groups(self.condition, self.picture_t)
        for chosen in (False, True):
            lines = [{"paths": g.circles} if g.chosen == chosen else None for g in groups]
            yield from [*lines, None][: len(CLASSES)]  # of two groups there is no third
        yield {"at": [g.label_at for g in groups], "text": [g.name for g in groups], "part": np.arange(len(groups))}

    @plane.layer("paths")
    def _(self) -> dict[str, Any]:
        return {"paths": self.sampled.x[: self.frame + 1, : PATH_POINTS[self.sampler]]}

    @plane.layer("samples")
    def _(self) -> dict[str, Any]:
        return {"x": self.points}

    @plane.layer("line", *ARROWS)
    def _(self) -> Iterator[dict[str, Any]]:
        at, tips = self.probed.position, self.probed.tips
        yield {"x": tips[:, 0], "y": tips[:, 1]}
        yield from ({"at": at, "along": tip - at} for tip in tips)

    @chart.layer("tilted_curve")
    def _(self) -> dict[str, Any]:
        curve = kernel.tilted_curve(self.condition)
        return {"x": curve.spread, "y": curve.adherence}

    @chart.layer("sampled_curve")
    def _(self) -> dict[str, Any]:
        return {"x": self.sampled_curve.spread, "y": self.sampled_curve.adherence}

    @chart.layer("tilted_here", "sampled_here")
    def _(self) -> list[dict[str, Any]]:
        clean = self.at_data
        both = clean.tilted.measures(self._aimed_at(self.guidance_scale)), measures(clean.model, self.sampled.x[-1])
        return [{"x": [(m.spread, m.adherence)]} for m in both]

    # --- readings ---------------------------------------------------------------------------------------------------

    @readings
    def dial(self) -> dict[str, Any]:
        """The dial in both conventions, the noise level and the cost."""
        nfe = self.sampled.nfe if self.view == "samples" else 2
        return {"w": self.guidance_scale, "weight": self.guidance_weight, "t": self.picture_t, "nfe": nfe}

    @readings
    def of_samples(self) -> dict[str, Any]:
        """Measures of the points beside those of the tilted density at the same noise level."""
        keys = ("adherence", "spread", "beyond")
        if self.view == "probe":
            return dict.fromkeys(keys)
        found = measures(self.at_noise.model, self.points)
        target = self.at_noise.tilted.measures(self._aimed_at(self.guidance_scale))
        return {key: (getattr(found, key), getattr(target, key)) for key in keys}

    @readings
    def of_variance(self) -> dict[str, Any]:
        """Variance per axis of the finished sample in the Gaussian case, beside its exact values."""
        if self.condition != "gaussian" or self.view == "probe" or self.progress < 1:
            return {"variance": None, "limit": None}
        settings = self._settings(self.guidance_scale)
        found, aim = kernel.variance(self.points), GaussianAnswers.at(self._aimed_at(self.guidance_scale)).tilted
        error = found / np.sqrt(len(self.points) - 1)  # of 2 (N - 1) degrees of freedom
        known = self.guide_at == "every_level" and self.guide_by in GUIDED_BY[:2] and not self.model_error
        answers = GaussianAnswers.at(settings.effective_scale)
        limit = getattr(answers, kernel.ANSWER_OF[self.sampler]) if known else None
        return {"variance": (Estimate(found, error), kernel.exact_variance(settings)), "limit": (limit, aim)}

    @readings
    def of_probe(self) -> dict[str, Any]:
        """The vectors at the probed point."""
        if self.view == "samples":
            return dict.fromkeys((*ARROWS, "classifier"))
        vectors = {key: (eps, np.hypot(*eps)) for key in ARROWS for eps in [getattr(self.probed, key)]}
        gradients = None if self.guide_by == "worse_model" else (self.probed.classifier, self.probed.from_eps)
        return {**vectors, "classifier": gradients}

    def status(self) -> Status:
        """The sampler and its cost, or the predictions."""
        if self.view == "probe":
            exact = "exact " if not self.model_error else ""
            return Status(f"Two {exact}predictions at one point, and the guided prediction", "float64")
        steps = f" × {counted(self.langevin_steps, 'step')}" if self.sampler == "langevin" else ""
        branches = BRANCHES.get(self.guide_by, "network and classifier")
        what = f"{METHODS[self.sampler]}: {self.num_levels} levels{steps} × {kernel.NUM_POINTS} points"
        what += f", {self.sampled.nfe} evaluations each, {branches} counted"
        model = f"model off by δ = {self.model_error:.2f}" if self.model_error else "exact predictions"
        return Status(what, f"{model}, float64", timed=("sampled",))

    def describe(self) -> str:
        """The picture in words."""
        r = self.reading_texts
        what = "the Gaussian case" if self.condition == "gaussian" else f"class {self.label('condition')}"
        name = self.label("convention").partition(" (")[0].lower()
        dial = f"{name} w′ = {r['weight']}" if self.convention == "weight" else f"{name} w = {r['w']}"
        worse = self.guide_by == "worse_model"
        if self.guide_by != "classifier_free":
            dial += " by a worse model" if worse else f" by a {self.label('guide_by').lower()}"
        if self.rescale and self.guide_by in TWO_PREDICTIONS:
            dial += f", rescaled by φ = {self.rescale:.2f}"
        if self.guide_at == "interval":
            dial += f" between t = {self.interval_low:.2f} and {self.interval_high:.2f}"
        steps = f" of {counted(self.langevin_steps, 'Langevin step')}" if self.sampler == "langevin" else ""
        how = f"{METHODS[self.sampler]}, {self.num_levels} noise levels{steps}"
        if self.view == "probe":
            off = self.guide_by == "clean_classifier" or (self.rescale and self.guidance_scale > 1)
            line = "" if off else "The guided arrow ends on the line through the other two ends. "
            first = "by the worse model" if worse else "without the condition"
            return (
                f"A point at ({self.probe_x:.2f}, {self.probe_y:.2f}), noise level t = {r['t']}, {what}, {dial}."
                f" Noise predicted {first} {r['eps_uncond']}, with the condition {r['eps_cond']}, guided"
                f" {r['eps_guided']}. {line}"
                f"The chart shows samples: {how}."
            )
        aim = "class" if worse else "tilted density"
        wrong = f" The model is off by δ = {self.model_error:.2f}." if self.model_error else ""
        words = (
            f"{kernel.NUM_POINTS} points sampled for {what}, {dial}, {how}, {self.progress:.1%} done.{wrong} Adherence"
            f" {r['adherence']} where the {aim} has {r['adherence_true']}; spread {r['spread']} against"
            f" {r['spread_true']}; the mean lies {r['beyond']} beyond that of the class, against {r['beyond_true']}."
        )
        if self.condition == "gaussian" and self.progress == 1:
            words += (
                f" Variance per axis {r['variance']}; this sampler's exact value is {r['variance_true']} with these"
                f" levels and {r['limit']} with infinitely many steps; the tilted density has {r['limit_true']}."
            )
        return words

    def table(self) -> dict[str, np.ndarray]:
        """The points and the probability of the class at each, or the vectors at the probed point."""
        if self.view == "probe":
            p = self.probed
            x, y = np.transpose([p.position, p.eps_uncond, p.eps_cond, p.eps_guided, p.classifier])
            return {"vector": np.array(["position", *ARROWS, "classifier_gradient"]), "x": x, "y": y}
        classifier = self.at_noise.model.log_classifier(self.points, CLEAN)
        return {"x": self.points[:, 0], "y": self.points[:, 1], "adherence": np.exp(classifier)}

    # --- actions of the buttons --------------------------------------------------------------------------------------

    def run(self) -> None:
        """Samples: plays from pure noise."""
        self.play_from_start(view="samples")

    def step(self) -> None:
        """Advances the sampler by one step; for the probe, adds a little noise."""
        if self.view == "samples":
            self.param.update(playing=False, progress=min(1.0, self.progress + 1 / self._settings(1.0).steps))
        else:
            super().step()
