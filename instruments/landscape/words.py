"""The pictures in words, with their numbers."""

from typing import Any

from diffusion_lab.instruments.landscape.diffusion import STEPS
from diffusion_lab.instruments.landscape.kernel import MODELS
from diffusion_lab.instruments.landscape.networks import BATCH, HIDDEN
from diffusion_lab.instruments.landscape.quality import NUM_POINTS

NAMES = {"ppca": "PPCA", "vae": "the VAE", "gan": "the GAN", "diffusion": "diffusion"}
INSIDES = {
    "ppca": "The codes of data points lie on a line, and lead to a line through the data. The variance along it is"
    " {variance}, across it {variance_true}.",
    "vae": "Codes of data points, drawn by the encoder, and where the decoder takes them; a grid of codes lies over"
    " the data. The ELBO is {bound}, the tighter bound {bound_true} nats a point.",
    "gan": "Drawn codes, and where the generator takes them; a grid of codes bends over the data. The discriminator"
    " gives data a mean probability of {told}, and made points {told_true}.",
    "diffusion": f"Noise, and where {STEPS} steps of the probability flow take it, with the paths of some points; a"
    " grid of noise bends over the data. The flow gives data {flow} nats a point, their own density {flow_true}.",
}


def describe(shown: Any) -> str:
    """The picture that the instrument `shown` shows."""
    texts, data = shown.reading_texts, shown.label("data_set").lower()
    drawn = f" of {len(shown.drawing) // 4}" if shown.data_set == "drawn" else ""
    of = f"on the {data} data{drawn}, after {shown.training_step:,} training steps"
    if shown.view == "inside":
        return f"Inside {NAMES[shown.model]} {of}. {INSIDES[shown.model].format(**texts)}"
    found = (
        f"{NAMES[model]}: {texts[f'near_{model}']} % of the samples are near the data, {texts[f'covered_{model}']} %"
        f" of the data are covered, the distance to the data is {texts[f'distance_{model}']}"
        for model in MODELS
    )
    seeds = ""
    if shown.num_runs > 1:
        seeds = " Over {} seeds, near the data are: {}.".format(
            shown.num_runs, "; ".join(f"{NAMES[model]} {texts[f'spread_{model}']} %" for model in MODELS)
        )
    return (
        f"{NUM_POINTS:,} samples of each of four models {of}. {'; '.join(found)}. Perfect draws:"
        f" {texts['near_data']} %, {texts['covered_data']} %, {texts['distance_data']}.{seeds}"
    )


def status(shown: Any) -> tuple[str, str]:
    """What is computed, and how exact it is."""
    units = " × ".join(map(str, HIDDEN))
    return f"networks of {units} units in pairs, Adam, batches of {BATCH}", "float32; PPCA in closed form"
