"""Image walk: a text-to-image model whose pictures come out of noise, or go into it, with all its parts in view."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Brush, Instrument, Measure, Panel, Readout, Replay, Status, Transport,
    asset, choice, computed, number, readings, seed, text, whole,
)  # fmt: skip
from diffusion_lab.app.instrument.scenes import Image
from diffusion_lab.instruments.common.curves import running_mean
from diffusion_lab.instruments.common.denoisers import Denoiser
from diffusion_lab.instruments.common.guidance import ClassifierFreeGuidance, combine
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.scenes.captions import WORDS, Tokens, Unknown, parse, words_of
from diffusion_lab.instruments.common.scenes.drawing import draw, outlines
from diffusion_lab.instruments.common.text_to_image import answers, pictures, walks, weights
from diffusion_lab.instruments.common.text_to_image.control import Control
from diffusion_lab.instruments.common.text_to_image.denoiser import ImageDenoiser
from diffusion_lab.instruments.common.text_to_image.inpainting import Inpainting
from diffusion_lab.instruments.common.text_to_image.memory import Memory, training_scenes
from diffusion_lab.instruments.common.text_to_image.personalisation import Fit, NewWord, fitting
from diffusion_lab.instruments.common.text_to_image.walks import Frame, Tradeoff
from diffusion_lab.instruments.walk import charts, kernel, new_word, words
from diffusion_lab.instruments.walk.charts import FILM, SCALES

Work = Generator[Any, None, Any]  # long work, in slices
REMEMBERED = 2000  # training pictures of the exact denoiser
STEPS_OF_SHEETS = 10  # of DDIM, at most, for many pictures at once
# fmt: off
RUNS = {"view": ("from_noise", "fill", "lines")}
SAMPLED = {"view": ("from_noise", "two_seeds", "fill", "lines")}
GUIDED = {"view": ("from_noise", "two_seeds", "fill", "lines", "new_word")}
SKIPS = {"none": "Nothing", "fine": "The one of 16 × 16", "middle": "The one of 8 × 8", "coarse": "The one of 4 × 4"}


class Walk(Instrument):
    """Pictures between noise and data, by a small text-to-image network."""

    title = "Image walk"
    question = "How does a picture come out of noise, and what does each word do to it?"
    editable = (combine, ddim, walks.forward, kernel.between)

    view = choice({"from_noise": "From noise", "to_noise": "To noise", "two_seeds": "Two seeds", "fill": "Fill a part",
        "lines": "Follow lines", "new_word": "New word"}, "from_noise", "View", style="row",
        doc="Sampling; noising; between two seeds; a part of a picture; along drawn lines; a word for a new shape.")
    prompt = text("red star left of blue circle", r"^[0-9A-Za-z ,.]{0,80}$", "Prompt", example="large green ring top",
        words=WORDS[1:], doc="What the picture should show: sizes, colours, shapes, places, two shapes in a relation.",
        when={"view": (*FILM, "two_seeds")})
    progress = number(0.6, 0, 1, 0.01, "Progress", ends=("noise", "data"), when=RUNS,
        doc="Share of the sampler's steps that are done: 0 is pure noise, 1 the finished picture.")
    t = number(0.5, 0, 1, 0.01, "Time", symbol="t", ends=("data", "noise"), when={"view": "to_noise"},
        doc="How far the picture has gone into noise, on the cosine schedule.")
    way = number(0.5, 0, 1, 0.02, "Way to the next seed", when={"view": "two_seeds"},
        doc="0 is the noise of the seed, 1 that of the next; between them on the great circle.")
    training_step = whole(0, 0, new_word.NUM_STEPS, "Training step", step=new_word.EVERY, when={"view": "new_word"},
        doc="Steps of Adam that have fitted the new word, eight pictures each.")
    learns = choice({"word": "The word alone", "network": "Word and network"}, "network", "What learns", style="row",
        when={"view": "new_word"}, doc="Textual inversion moves the word's vector alone; DreamBooth the network too.")
    guidance_scale = number(3.0, 0, 8, 0.5, "Guidance scale", symbol="w", when=GUIDED,
        doc="0 ignores the prompt, 1 is plain conditioning, and more extrapolates.")
    num_steps = whole(20, 2, 50, "Steps", when=SAMPLED, doc="Steps of the sampler, one prediction with the prompt and "
        "one without in each.")
    sampler = choice(answers.SAMPLERS, "ddim", "Sampler", when=SAMPLED, doc="The algorithm from noise to data.")
    skip = choice(SKIPS, "none", "Skip connection off", doc="A skip connection of the U-Net that carries nothing.",
        when={"view": (*FILM, "two_seeds")})
    drawing = text("", r"^([0-9a-z]{4}){0,150}$", "Drawing", kind="none",
        doc="Fill a part: where the model may paint. Follow lines: the lines. At first there is an example.")
    chart_shows = choice({"words": "Words", "memory": "Memory", "guidance": "Guidance"}, "words", "Below", style="row",
        when={"view": FILM}, doc="Where each word is looked at; the exact denoiser of the training set; or many "
        "pictures at each scale.")
    num_samples = whole(8, 2, 24, "Pictures of the charts", when={"view": FILM, "chart_shows": "guidance"},
        doc=f"Pictures that are sampled by DDIM at each guidance scale, in {STEPS_OF_SHEETS} steps or in fewer.")
    seed = seed(4, "The same seed gives the same noise, the same given picture and the same batches.")

    panel = Panel(
        Transport("Run", {"from_noise": "progress", "to_noise": "t", "two_seeds": "way", "fill": "progress",
            "lines": "progress", "new_word": "training_step"}, seconds=5),
        frames="progress", main=("view", "prompt", "guidance_scale"),
        readouts=(Readout("signal", "signal", ".3f", {"view": FILM}),
            Readout("sigma_t", "noise", ".3f", {"view": FILM}),
            Readout("answered", "result", when=SAMPLED),
            Readout("loss", "loss", ".4f", {"view": "new_word"}),
            Readout("hits", "of 4 with the new shape", "d", {"view": "new_word"})),
        measures=(
            Measure("guess_off", "guess, from the clean picture", ".3f", "noised picture", ".2f",
                doc="Root mean square difference of values from −1 to 1.", when={"view": "to_noise"}),
            Measure("nearest", "from its nearest training picture", ".3f", "exact denoiser", ".3f",
                when={"view": ("from_noise", "fill", "lines"), "chart_shows": "memory"},
                doc="Root mean square difference; the exact denoiser of the training set gives its pictures back."),
        ),
        pads=(Brush("drawing", "Paint or draw here", own_points=False,
            when={"view": ("fill", "lines")}),))

    now = charts.pane("Now", *FILM, over=(Image("over", when={"view": ("fill", "lines")}),))
    guess = charts.pane("Model’s guess", *FILM)
    removed = charts.pane("Noise to remove", *FILM)
    first_end = charts.pane("This seed", "two_seeds")
    middle = charts.pane("On the way", "two_seeds")
    second_end = charts.pane("Next seed", "two_seeds")
    given = charts.sheet("Given pictures of the new word", "new_word")
    drawn = charts.sheet("Asked for in other colours and places", "new_word")
    old = charts.sheet("Words that it knew before", "new_word")
    of_words = charts.strip("Where each word is looked at", charts.MOST_WORDS, "words")
    of_memory = charts.strip("Beside the exact denoiser of the training set", 4, "memory")
    adherence, variety, losses = charts.adherence(), charts.variety(), charts.losses()
    # fmt: on

    # --- what is computed: the model and what it is asked ------------------------------------------------------------

    @computed
    def parsed(self) -> tuple[Tokens, list[Unknown], int]:
        """The caption's tokens, and what cannot be used of the prompt."""
        return parse(self.prompt)

    @property
    def caption(self) -> Tokens:
        """The caption's tokens, (LONGEST,)."""
        return self.parsed[0]

    @computed(work=True, unit="bytes of weights")
    def network(self) -> Work:
        """The trained network."""
        yield from asset(weights.WEIGHTS)
        return weights.trained()

    @computed(work=True, unit="bytes of weights")
    def branch(self) -> Work:
        """The trained control branch."""
        yield from asset(weights.CONTROL_WEIGHTS)
        return weights.trained_control()

    @computed
    def denoiser(self) -> ImageDenoiser:
        """The network as a denoiser, with the skip connections that are on, and the lines."""
        without = () if self.skip == "none" else (self.skip,)
        branch: Control | None = self.branch if self.view == "lines" else None
        return ImageDenoiser(self.network, without, branch and branch(self.lines[None]))

    @computed
    def guided(self) -> Denoiser:
        """What samplers call: guided, and in the view of filling with the known part given."""
        guided = ClassifierFreeGuidance(self.denoiser, self.guidance_scale, self.caption)
        return Inpainting(guided, self.picture, self.known) if self.view == "fill" else guided

    @computed
    def picture(self) -> np.ndarray:
        """A drawn picture that the prompt describes, (32, 32, 3)."""
        return draw([pictures.scene_of(self.caption, self.seed)])[0]

    @computed
    def known(self) -> np.ndarray:
        """Which pixels of it are given, (32, 32)."""
        return kernel.known(self.drawing)

    @computed
    def lines(self) -> np.ndarray:
        """The lines to follow, (32, 32); at first the outlines of the drawn picture."""
        return kernel.lines(self.drawing) if self.drawing else outlines([pictures.scene_of(self.caption, self.seed)])[0]

    @computed
    def noise(self) -> np.ndarray:
        """The noise of the seed and of the next one, (2, 32, 32, 3)."""
        return np.concatenate([pictures.noise(self.seed), pictures.noise(self.seed + 1)])

    # --- what is computed: walks -------------------------------------------------------------------------------------

    def _walk(self, denoiser: Denoiser, x: np.ndarray) -> Work:
        """All frames of a walk from noise x."""
        found: list[Frame] = []
        for frame in walks.walk(denoiser, self.sampler, x, self.num_steps, self.seed):
            found.append(frame)
            yield len(found) - 1, self.num_steps
        return found

    @computed(work=True, keep=8, unit="steps")
    def walked(self) -> Work:
        """The frames of the walk from noise."""
        return (yield from self._walk(self.guided, self.noise[:1]))

    @computed
    def at(self) -> int:
        """Steps done at the progress."""
        return round(self.progress * self.num_steps)

    @computed
    def moment(self) -> Frame:
        """The moment that the panes show."""
        if self.view != "to_noise":
            return self.walked[self.at]
        return walks.forward(self.picture[None], self.noise[:1], self.t, self.denoiser, self.caption)

    @computed(work=True, keep=4, unit="steps")
    def both_ends(self) -> Work:
        """The pictures of both seeds, (2, 32, 32, 3)."""
        return (yield from self._walk(self.guided, self.noise))[-1].x

    @computed(work=True, keep=32, unit="steps")
    def blend(self) -> Work:
        """The picture of the noise between them."""
        return (yield from self._walk(self.guided, kernel.between(self.noise[:1], self.noise[1:], self.way)))[-1].x[0]

    @property
    def blended(self) -> np.ndarray:
        """The picture on the way: one of both ends where the way begins or ends."""
        return self.both_ends[int(self.way)] if self.way in (0.0, 1.0) else self.blend

    @property
    def final(self) -> np.ndarray:
        """The finished picture of the view, (32, 32, 3)."""
        return self.blended if self.view == "two_seeds" else self.walked[-1].x[0]

    # --- what is computed: a new word --------------------------------------------------------------------------------

    @computed(keep=2)
    def replay(self) -> Replay[Fit, NewWord]:
        """The fit of the new word."""
        fit = fitting(self.network, *new_word.examples(), new_word.PLACE, start=new_word.START,
            whole=self.learns == "network", rng=seeded((self.seed, 7)))  # fmt: skip
        return Replay(fit, new_word.NUM_STEPS, new_word.NUM_STEPS // new_word.EVERY, Fit.moment)

    @computed(work=True, keep=16, unit="training steps")
    def learned(self) -> Work:
        """The fit at the training step."""
        last = self.training_step // new_word.EVERY
        for done, of, _ in self.replay.to(last):
            yield done, of
        return self.replay.frames[last]

    @computed(work=True, keep=16, unit="steps")
    def asked(self) -> Work:
        """Pictures (8, 32, 32, 3): four with the new word, and four of words that the network knew before."""
        word: NewWord = self.learned
        new = word.embedded(new_word.captions(new_word.ASKED), new_word.PLACE)
        before = word.network.embedded(np.stack([parse(known)[0] for known in new_word.KNOWN]))
        guided = ClassifierFreeGuidance(ImageDenoiser(word.network), self.guidance_scale, np.concatenate([new, before]))
        found = []
        for frame in walks.walk(guided, "ddim", pictures.noise(self.seed, 8), STEPS_OF_SHEETS, self.seed):
            found.append(frame)
            yield len(found) - 1, STEPS_OF_SHEETS
        return found[-1].x

    @computed
    def drawn_shapes(self) -> list[list[Any]]:
        """The shapes in the pictures with the new word."""
        return new_word.recognised(self.asked[:4])

    # --- what is computed: the row below -----------------------------------------------------------------------------

    @computed(keep=8)
    def shares(self) -> np.ndarray:
        """How much each place looks at each word, (words, 16, 16)."""
        return kernel.attention(self.denoiser, self.moment, self.caption)

    @computed
    def memory(self) -> Memory:
        """The exact denoiser of a training set."""
        return Memory.of(training_scenes(REMEMBERED)[0])

    @computed(work=True, keep=4, unit="steps")
    def remembered(self) -> Work:
        """Where it leads from the same noise, (1, 32, 32, 3)."""
        return (yield from self._walk(self.memory, self.noise[:1]))[-1].x

    @computed(keep=4)
    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """The training picture nearest to the network's and to this one, and how far they are."""
        index, distance = self.memory.nearest(np.concatenate([self.walked[-1].x, self.remembered]))
        return self.memory.images[index], distance

    @property
    def distances(self) -> tuple[float, float]:
        """How far the network's picture, and that of the exact denoiser, is from the nearest training picture."""
        own, copied = self.neighbours[1].tolist()
        return own, copied

    @computed(work=True, background=True, keep=8, unit="steps")
    def tradeoff(self) -> Work:
        """What guidance buys and costs."""
        plain = replace(self.denoiser, control=None)
        x = pictures.noise(self.seed, self.num_samples)
        return (yield from walks.tradeoff.work(plain, self.caption, SCALES, x, min(self.num_steps, STEPS_OF_SHEETS)))

    # --- what is drawn -----------------------------------------------------------------------------------------------

    @now.layer("picture", "over")
    def _(self) -> Iterator[dict[str, Any]]:
        yield {"image": pictures.coloured(self.moment.x[0])}
        yield {"image": kernel.over(self.lines > 0.5 if self.view == "lines" else ~self.known)}

    @guess.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": pictures.coloured(self.moment.guess[0])}

    @removed.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": kernel.shown_noise(self.moment.noise[0])}

    @first_end.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": pictures.coloured(self.both_ends[0])}

    @middle.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": pictures.coloured(self.blended)}

    @second_end.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": pictures.coloured(self.both_ends[1])}

    @given.layer("pictures")
    def _(self) -> dict[str, Any]:
        return {"images": pictures.coloured(new_word.examples()[0])}

    @drawn.layer("pictures")
    def _(self) -> dict[str, Any]:
        return {"images": pictures.coloured(self.asked[:4])}

    @old.layer("pictures")
    def _(self) -> dict[str, Any]:
        return {"images": pictures.coloured(self.asked[4:])}

    @of_words.layer("pictures", "labels")
    def _(self) -> Iterator[dict[str, Any]]:
        guess = self.moment.guess[0]
        found = [pictures.coloured(pictures.lit(guess, share)) for share in self.shares]
        return pictures.row(found, charts.MOST_WORDS, words_of(self.caption))

    @of_memory.layer("pictures", "labels")
    def _(self) -> Iterator[dict[str, Any]]:
        (near_own, near_copy), _ = self.neighbours
        found = [self.walked[-1].x[0], near_own, self.remembered[0], near_copy]
        return pictures.row([pictures.coloured(picture) for picture in found], 4, MEMORY_LABELS)

    @adherence.layer("here", *charts.OUTCOME_LAYERS)
    def _(self) -> Iterator[dict[str, Any]]:
        yield charts.here(self.guidance_scale)
        yield from charts.shares(self.tradeoff)

    @variety.layer("spread", "spread_dots")
    def _(self) -> Iterator[dict[str, Any]]:
        found: Tradeoff = self.tradeoff
        yield {"x": found.scales, "y": found.spread}
        yield {"x": np.column_stack([found.scales, found.spread])}

    @losses.layer("batches", "mean")
    def _(self) -> Iterator[dict[str, Any]]:
        losses = self.learned.losses
        steps = np.arange(1, len(losses) + 1)
        yield {"x": np.column_stack([steps, losses])}
        yield {"x": steps, "y": running_mean(losses, 20)}

    # --- what is read ------------------------------------------------------------------------------------------------

    @readings
    def problem(self) -> dict[str, Any]:
        """What cannot be used of the prompt."""
        return {"prompt_problem": answers.problems(*self.parsed[1:])}

    @readings
    def of_moment(self) -> dict[str, Any]:
        """The level of the panes, and the guess beside the clean picture."""
        found: dict[str, Any] = dict.fromkeys(("signal", "sigma_t", "guess_off"))
        if self.view not in FILM:
            return found
        level = self.moment.level
        found |= {"signal": float(level.signal), "sigma_t": float(level.sigma_t)}
        if self.view != "to_noise":
            return found
        off = [pictures.rms(x[0] - self.picture) for x in (self.moment.guess, self.moment.x)]
        return found | {"guess_off": tuple(off)}

    @readings
    def of_picture(self) -> dict[str, Any]:
        """How the finished picture answers the prompt, and how near a training picture is."""
        sampled = self.view in SAMPLED["view"]
        near = self.view in RUNS["view"] and self.chart_shows == "memory"
        return {
            "answered": answers.answered(self.final, self.caption) if sampled else None,
            "nearest": self.distances if near else None,
        }

    @readings
    def of_word(self) -> dict[str, Any]:
        """The loss of the new word, and how many pictures show its shape."""
        if self.view != "new_word":
            return {"loss": None, "hits": None}
        losses = self.learned.losses
        return {"loss": float(losses[-20:].mean()) if len(losses) else None, "hits": new_word.hits(self.drawn_shapes)}

    def status(self) -> Status:
        """What is computed, and how long it takes."""
        return words.status(self)

    def describe(self) -> str:
        """The picture in words."""
        return words.describe(self)

    def table(self) -> dict[str, np.ndarray]:
        """The pixels of the panes, row by row: red, green and blue from −1 to 1."""
        if self.view == "new_word":
            panes = {"given": new_word.examples()[0][0], "drawn": self.asked[0], "old": self.asked[4]}
        elif self.view == "two_seeds":
            panes = {"this_seed": self.both_ends[0], "on_the_way": self.blended, "next_seed": self.both_ends[1]}
        else:
            shown = self.moment
            panes = {"now": shown.x[0], "guess": shown.guess[0], "noise": shown.noise[0]}
        return {
            f"{name}_{colour}": pane[..., k].ravel()
            for name, pane in panes.items()
            for k, colour in enumerate(("red", "green", "blue"))
        }


MEMORY_LABELS = ["network", "its nearest", "exact", "its nearest"]
