"""Latent diffusion: a transformer that denoises codes of pictures, beside a U-Net that denoises the pixels."""

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    DURATION, Handle, Instrument, Measure, Panel, Readout, Row, Status, Table, Transport,
    asset, choice, computed, number, readings, seed, text, whole,
)  # fmt: skip
from diffusion_lab.instruments.common.guidance import ClassifierFreeGuidance, combine
from diffusion_lab.instruments.common.latent_diffusion import weights
from diffusion_lab.instruments.common.latent_diffusion.autoencoder import Autoencoder, PatchPca, patch_pca
from diffusion_lab.instruments.common.latent_diffusion.denoiser import LatentDenoiser
from diffusion_lab.instruments.common.latent_diffusion.transformer import DiT
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.scenes.captions import WORDS, Tokens, Unknown, parse, words_of
from diffusion_lab.instruments.common.scenes.drawing import draw
from diffusion_lab.instruments.common.text_to_image import answers, pictures
from diffusion_lab.instruments.common.text_to_image import weights as pixel_weights
from diffusion_lab.instruments.common.text_to_image.denoiser import ImageDenoiser
from diffusion_lab.instruments.common.text_to_image.memory import training_scenes
from diffusion_lab.instruments.common.text_to_image.unet import UNet
from diffusion_lab.instruments.common.text_to_image.walks import Frame
from diffusion_lab.instruments.latent import charts, kernel, words
from diffusion_lab.instruments.latent.kernel import ON_PAPER, PLACES, VALUES, Walked

Work = Generator[Any, None, Any]  # long work, in slices
FITTED, MEASURED = 400, 64  # pictures that PCA is fitted to, and others on which errors are measured
# fmt: off
SAMPLED = {"view": ("from_noise", "attention")}


class Latent(Instrument):
    """Diffusion in a compressed space, with every part open."""

    title = "Latent diffusion"
    question = "What is lost, and what is gained, when codes are denoised instead of pixels?"
    editable = (combine, ddim, patch_pca, kernel.looks)

    view = choice({"from_noise": "Sample", "compress": "Compress", "attention": "Attention"}, "from_noise", "View",
        style="row", doc="Sampling in codes and in pixels; a picture and its code; where a place of the code looks.")
    prompt = text("red star left of blue circle", r"^[0-9A-Za-z ,.]{0,80}$", "Prompt", example="large green ring top",
        words=WORDS[1:], doc="What the picture should show: sizes, colours, shapes, places, two shapes in a relation.")
    progress = number(0.6, 0, 1, 0.01, "Progress", ends=("noise", "data"), when=SAMPLED,
        doc="Share of the sampler's steps that are done: 0 is pure noise, 1 the finished picture.")
    num_values = whole(4, 0, charts.MOST_VALUES, "Values of PCA", when={"view": "compress"},
        doc="Values that PCA keeps of each patch of 4 × 4 pixels, which has 48. The autoencoder keeps 4.")
    probe_x = number(-6.0, -kernel.HALF, kernel.HALF, 0.1, "Place across", when={"view": "attention"},
        doc="The place whose attention is shown, in pixels from the middle.")
    probe_y = number(0.0, -kernel.HALF, kernel.HALF, 0.1, "Place up", when={"view": "attention"},
        doc="The place whose attention is shown, in pixels above the middle.")
    guidance_scale = number(3.0, 0, 8, 0.5, "Guidance scale", symbol="w", when=SAMPLED,
        doc="0 ignores the prompt, 1 is plain conditioning, and more extrapolates.")
    num_steps = whole(20, 2, 50, "Steps", when=SAMPLED, doc="Steps of the sampler, one prediction with the prompt and "
        "one without in each.")
    sampler = choice(answers.SAMPLERS, "ddim", "Sampler", when=SAMPLED, doc="The algorithm from noise to data.")
    chart_shows = choice({"blocks": "Blocks", "words": "Words"}, "blocks", "Below", style="row",
        when={"view": "attention"}, doc="Where the place looks in each block; or where each word is looked at.")
    seed = seed(4, "The same seed gives the same noise and the same drawn picture.")

    panel = Panel(
        Transport("Run", {"from_noise": "progress", "compress": "num_values", "attention": "progress"}, seconds=5),
        frames="progress", main=("view", "prompt", "guidance_scale", "num_values"),
        readouts=(Readout("sigma_t", "noise", ".3f", SAMPLED),
            Readout("answered", "from codes", when=SAMPLED),
            Readout("answered_pixels", "from pixels", when={"view": "from_noise"})),
        measures=(
            Measure("lost", "this picture is off", ".3f", "by PCA", ".3f", when={"view": "compress"},
                doc="Root mean square difference between the picture and what comes back, in values from −1 to 1."),
            Measure("lost_mean", f"{MEASURED} pictures are off", ".3f", "by PCA", ".3f", when={"view": "compress"},
                doc="The same of pictures to which PCA was not fitted."),
            Measure("looked", "attention to places", ".2f", "to words", ".2f", when={"view": "attention"},
                doc="Shares of the attention of the marked place, the mean of all blocks and heads."),
        ),
        tables=[Table("Two spaces side by side", {"pixels": "pixels", "codes": "codes", "ratio": "ratio"}, [
            Row("values", "values in each step, here", ",d", "32 × 32 × 3 pixel values, 8 × 8 × 4 values of a code."),
            Row("paper", "in Stable Diffusion", ",d", "512 × 512 × 3 pixel values, 64 × 64 × 4 values of a code."),
            Row("pairs", "pairs in attention, here", ",d",
                "Pairs of places that a transformer compares if each pixel, or each place of a code, is a token."),
            Row("size", "weights of the network", ",d", "The U-Net of pixels; the transformer of codes.",
                {"view": "from_noise"}),
            Row("step", "time of a step", DURATION, "With guidance, on this machine.", {"view": "from_noise"}),
            Row("decoding", "time of decoding", DURATION, "Once, at the end.", {"view": "from_noise"})])],
        pads=(Handle("probe_x", "probe_y", "Place", when={"view": "attention"}),))

    # In all views, and first: it carries the description, and the handle.
    shown = charts.pane("Picture", "from_noise", "compress", "attention", over=(charts.marked(),))
    code_now = charts.code("Code now", "from_noise")
    pixels_guess = charts.pane("Picture by the U-Net", "from_noise")
    pixels_now = charts.pane("Pixels now", "from_noise")
    its_code = charts.code("Its code", "compress")
    by_network = charts.pane("Back from the code", "compress")
    by_pca = charts.pane("Back by PCA", "compress")
    looked = charts.pane("Where it looks", "attention")
    of_blocks = charts.strip("Where the place looks in each block", 6, "blocks")
    of_words = charts.strip("Which places look at each word", 7, "words")
    errors = charts.errors()
    # fmt: on

    # --- what is computed: networks ----------------------------------------------------------------------------------

    @computed
    def parsed(self) -> tuple[Tokens, list[Unknown], int]:
        """The caption's tokens, and what cannot be used of the prompt."""
        return parse(self.prompt)

    @property
    def caption(self) -> Tokens:
        """The caption's tokens, (LONGEST,)."""
        return self.parsed[0]

    @computed(work=True, unit="bytes of weights")
    def networks(self) -> Work:
        """The autoencoder and the transformer."""
        yield from asset(weights.WEIGHTS)
        return weights.trained()

    @property
    def coder(self) -> Autoencoder:
        """The autoencoder."""
        coder: Autoencoder = self.networks[0]
        return coder

    @property
    def transformer(self) -> DiT:
        """The transformer."""
        transformer: DiT = self.networks[1]
        return transformer

    @computed(work=True, unit="bytes of weights")
    def unet(self) -> Work:
        """The U-Net that denoises pixels."""
        yield from asset(pixel_weights.WEIGHTS)
        network: UNet = pixel_weights.trained()
        return network

    # --- what is computed: walks -------------------------------------------------------------------------------------

    @computed(work=True, keep=8, unit="steps in codes")
    def walked(self) -> Work:
        """The walk in codes."""
        guided = ClassifierFreeGuidance(LatentDenoiser(self.transformer), self.guidance_scale, self.caption)
        noise = pictures.noise(self.seed, shape=kernel.CODE)
        return (yield from kernel.walked.work(guided, self.sampler, noise, self.num_steps, self.seed))

    @computed(work=True, keep=8, unit="steps in pixels")
    def pixels_walked(self) -> Work:
        """The walk in pixels."""
        guided = ClassifierFreeGuidance(ImageDenoiser(self.unet), self.guidance_scale, self.caption)
        noise = pictures.noise(self.seed)
        return (yield from kernel.walked.work(guided, self.sampler, noise, self.num_steps, self.seed))

    @computed
    def at(self) -> int:
        """Steps done at the progress."""
        return round(self.progress * self.num_steps)

    @property
    def moment(self) -> Frame:
        """The moment of the walk in codes."""
        walked: Walked = self.walked
        return walked.frames[self.at]

    @property
    def pixel_moment(self) -> Frame:
        """The same moment of the walk in pixels."""
        walked: Walked = self.pixels_walked
        return walked.frames[self.at]

    @computed(keep=8)
    def decoded(self) -> np.ndarray:
        """The guess at the moment, decoded, (1, 32, 32, 3)."""
        return self.coder.decode(self.moment.guess.astype(np.float32))

    @computed(keep=8)
    def finished(self) -> tuple[np.ndarray, float]:
        """The finished picture of the codes, (32, 32, 3), and the time of its decoding in seconds."""
        return kernel.timed(lambda: self.coder.decode(self.walked.frames[-1].x)[0])

    # --- what is computed: reconstruction ----------------------------------------------------------------------------

    @computed
    def linear_code(self) -> PatchPca:
        """PCA of the patches of many pictures."""
        return patch_pca(draw(training_scenes(FITTED)[0]), charts.MOST_VALUES)

    @computed
    def picture(self) -> np.ndarray:
        """A drawn picture that the prompt describes, (1, 32, 32, 3)."""
        return draw([pictures.scene_of(self.caption, self.seed)])

    @computed
    def given_back(self) -> tuple[np.ndarray, np.ndarray]:
        """Its code, (1, 8, 8, 4), and what the autoencoder makes of it, (1, 32, 32, 3)."""
        code = self.coder.encode(self.picture)
        return code, self.coder.decode(code)

    @computed
    def linearly_given_back(self) -> np.ndarray:
        """What PCA gives back, (1, 32, 32, 3)."""
        return self.linear_code.of_first(self.num_values).there_and_back(self.picture)

    @computed
    def others(self) -> np.ndarray:
        """Pictures on which errors are measured, (N, 32, 32, 3)."""
        return draw(training_scenes(MEASURED, seed=1)[0])

    @computed
    def linear_errors(self) -> np.ndarray:
        """Their error by PCA with 0, 1, ... values of a patch."""
        return kernel.linear_errors(self.linear_code, self.others)

    @computed(work=True, background=True, unit="pictures")
    def network_error(self) -> Work:
        """Their error by the autoencoder."""
        found: list[np.ndarray] = []
        for part in kernel.given_back(self.coder, self.others):
            found.extend(part)
            yield len(found), MEASURED
        return pictures.rms(np.array(found) - self.others)

    @property
    def lost(self) -> tuple[float, float]:
        """How far the picture is off after the autoencoder, and after PCA."""
        return pictures.rms(self.given_back[1] - self.picture), pictures.rms(self.linearly_given_back - self.picture)

    # --- what is computed: attention ---------------------------------------------------------------------------------

    @computed(keep=8)
    def attention(self) -> list[np.ndarray]:
        """The attention of each block at the moment, with the prompt."""
        return LatentDenoiser(self.transformer).attention(self.moment.x, self.moment.level, self.caption)

    @computed
    def looks(self) -> np.ndarray:
        """Where the marked place looks, (blocks, 8, 8)."""
        return kernel.looks(self.attention, *kernel.place_of(self.probe_x, self.probe_y))

    @computed
    def at_words(self) -> np.ndarray:
        """Which places look at each word, (words, 8, 8)."""
        return kernel.looks_at_words(self.attention, len(words_of(self.caption)))

    # --- what is drawn -----------------------------------------------------------------------------------------------

    @shown.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": pictures.coloured(self.picture[0] if self.view == "compress" else self.decoded[0])}

    @shown.layer("place")
    def _(self) -> dict[str, Any]:
        return {"at": [kernel.centre_of(*kernel.place_of(self.probe_x, self.probe_y))], "size": (4.0, 4.0)}

    @code_now.layer("channels")
    def _(self) -> dict[str, Any]:
        return {"images": kernel.channels(self.moment.x[0])}

    @pixels_now.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": pictures.coloured(self.pixel_moment.x[0])}

    @pixels_guess.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": pictures.coloured(self.pixel_moment.guess[0])}

    @its_code.layer("channels")
    def _(self) -> dict[str, Any]:
        return {"images": kernel.channels(self.given_back[0][0])}

    @by_network.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": pictures.coloured(self.given_back[1][0])}

    @by_pca.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": pictures.coloured(self.linearly_given_back[0])}

    @looked.layer("picture")
    def _(self) -> dict[str, Any]:
        return {"image": self._lit(self.looks.mean(axis=0))}

    @of_blocks.layer("pictures", "labels")
    def _(self) -> Iterator[dict[str, Any]]:
        return pictures.row([self._lit(share) for share in self.looks], 6, [f"block {k + 1}" for k in range(6)])

    @of_words.layer("pictures", "labels")
    def _(self) -> Iterator[dict[str, Any]]:
        return pictures.row([self._lit(share) for share in self.at_words], 7, words_of(self.caption))

    def _lit(self, share: np.ndarray) -> np.ndarray:
        return pictures.coloured(pictures.lit(self.decoded[0], share))

    @errors.layer("linear", "here")
    def _(self) -> Iterator[dict[str, Any]]:
        yield {"x": np.arange(len(self.linear_errors)), "y": self.linear_errors}
        yield {"x": [(self.num_values, self.linear_errors[self.num_values])]}

    @errors.layer("network")
    def _(self) -> dict[str, Any]:
        return {"x": [(kernel.CODE[-1], self.network_error)]}

    # --- what is read ------------------------------------------------------------------------------------------------

    @readings
    def problem(self) -> dict[str, Any]:
        """What cannot be used of the prompt."""
        return {"prompt_problem": answers.problems(*self.parsed[1:])}

    @readings
    def of_paper(self) -> dict[str, Any]:
        """What each space costs on paper."""
        pairs = {space: count**2 for space, count in PLACES.items()}
        found = {"values": VALUES, "paper": ON_PAPER, "pairs": pairs}
        rows = {row: {**pair, "ratio": pair["pixels"] // pair["codes"]} for row, pair in found.items()}
        return {f"{row}_{column}": value for row, of in rows.items() for column, value in of.items()}

    @readings
    def of_networks(self) -> dict[str, Any]:
        """The sizes of both networks, where both are there."""
        sizes = dict.fromkeys(("size_pixels", "size_codes", "size_ratio"))
        if self.view != "from_noise":
            return sizes
        return sizes | {"size_pixels": self.unet.num_weights, "size_codes": self.transformer.num_weights}

    @readings
    def of_times(self) -> dict[str, Any]:
        """What each space costs here."""
        times = {f"{row}_{column}": None for row in ("step", "decoding") for column in ("pixels", "codes", "ratio")}
        if self.view != "from_noise":
            return times
        steps = {"step_codes": self.walked.seconds, "step_pixels": self.pixels_walked.seconds}
        return times | steps | {"decoding_codes": self.finished[1]}

    @readings
    def of_moment(self) -> dict[str, Any]:
        """The level, and how the finished picture of the codes answers the prompt."""
        if self.view not in SAMPLED["view"]:
            return dict.fromkeys(("sigma_t", "answered"))
        level, answered = self.moment.level, answers.answered(self.finished[0], self.caption)
        return {"sigma_t": float(level.sigma_t), "answered": answered}

    @readings
    def of_pixels(self) -> dict[str, Any]:
        """How the finished picture of the pixels does."""
        if self.view != "from_noise":
            return {"answered_pixels": None}
        return {"answered_pixels": answers.answered(self.pixels_walked.frames[-1].x[0], self.caption)}

    @readings
    def of_reconstruction(self) -> dict[str, Any]:
        """What is lost of the picture."""
        return {"lost": self.lost if self.view == "compress" else None}

    @readings
    def of_many(self) -> dict[str, Any]:
        """What is lost of many."""
        if self.view != "compress":
            return {"lost_mean": None}
        return {"lost_mean": (self.network_error, float(self.linear_errors[self.num_values]))}

    @readings
    def of_attention(self) -> dict[str, Any]:
        """How much of its attention the place gives to places and to words."""
        if self.view != "attention":
            return {"looked": None}
        places = float(self.looks.sum(axis=(1, 2)).mean())
        return {"looked": (places, 1.0 - places)}

    def status(self) -> Status:
        """What is computed, and how long it takes."""
        return words.status(self)

    def describe(self) -> str:
        """The picture in words."""
        return words.describe(self)

    def table(self) -> dict[str, np.ndarray]:
        """The values of the code that is shown, row by row, a column for each channel."""
        code = self.given_back[0][0] if self.view == "compress" else self.moment.x[0]
        return {f"channel_{k + 1}": code[..., k].ravel() for k in range(kernel.CODE[-1])}
