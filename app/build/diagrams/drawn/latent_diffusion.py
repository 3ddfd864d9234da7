"""Latent diffusion: encoder, noise and denoiser in the space of codes, words by cross-attention, decoder."""

from __future__ import annotations

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Drawing
from diffusion_lab.instruments.common.latent_diffusion.autoencoder import CHANNELS
from diffusion_lab.instruments.common.latent_diffusion.autoencoder import SIDE as PLACES
from diffusion_lab.instruments.common.scenes.drawing import SIDE

PIXELS, CODES = f"{SIDE} × {SIDE} × 3", f"{PLACES} × {PLACES} × {CHANNELS}"

TITLE = "Latent diffusion with a text encoder and cross-attention"
WORDS = f"""
Three parts. The part of pixels, where a picture has {SIDE} by {SIDE} by 3 values. The latent space, where its code
has {PLACES} by {PLACES} by {CHANNELS} values. And the words. Only for training, a picture goes through the encoder E
into the latent space, becomes the code z, and noise makes it the noised code. To sample, noise of the size of a code
takes its place. In the latent space the denoiser guesses, and a sampler step takes noise away; these two repeat until
the level is 0. Only then the decoder D turns the code into a picture, once. The caption goes through a text encoder
and becomes one vector for each word. They reach the denoiser in every step by cross-attention: the places of the code
ask with queries, and the words answer with their keys and values.
"""

DENOISER = "denoiser\nplaces ask words\n(cross-attention)"


def wide() -> Drawing:
    """Pixels on the left, codes in the middle, words on the right."""
    drawing = Drawing(WIDE, 340)
    drawing.group(214, 26, 312, 312)
    drawing.label(0, 12, f"pixels, {PIXELS}", "start")
    drawing.label(370, 12, f"latent space, {CODES}")
    drawing.label(606, 12, "words")
    picture = drawing.box(0, 48, 96, 44, "picture $x$", "first")
    encoder = drawing.box(120, 48, 74, 44, "encoder\n$E$", "second")
    code = drawing.box(234, 48, 76, 44, "code $z$")
    noised = drawing.box(392, 48, 114, 44, "noised code\n$z_t$")
    drawing.arrow(picture.at("right"), encoder.at("left"), dashed=True)
    drawing.arrow(encoder.at("right"), code.at("left"), dashed=True)
    drawing.arrow(code.at("right"), noised.at("left"), dashed=True)
    drawing.label(351, 60, "+ noise")
    drawing.label(97, 106, "dashed: in training only")
    denoiser = drawing.box(392, 150, 114, 76, DENOISER, "learned", size=12)
    step = drawing.box(234, 166, 104, 44, "sampler step\nless noise")
    decoder = drawing.box(120, 166, 74, 44, "decoder\n$D$", "second")
    result = drawing.box(0, 166, 96, 44, "new picture", "first")
    start = drawing.box(392, 282, 114, 34, "noise, $t = 1$")
    drawing.arrow(noised.at("bottom"), denoiser.at("top"), dashed=True)
    drawing.arrow(start.at("top", 0.72), denoiser.at("bottom", 0.72))
    drawing.arrow(denoiser.at("left"), step.at("right"))
    into, leave = denoiser.at("bottom", 0.22), step.at("bottom", 0.6)
    drawing.arrow(leave, into, (leave.x, 254), (into.x, 254))
    drawing.label(356, 268, "again, step by step")
    drawing.arrow(step.at("left"), decoder.at("right"))
    drawing.label(157, 224, "once, at $t$ = 0")
    drawing.arrow(decoder.at("left"), result.at("right"))
    caption = drawing.box(552, 48, 108, 44, "caption", "third")
    reader = drawing.box(552, 110, 108, 34, "text encoder", "second")
    vectors = drawing.box(552, 166, 108, 44, "a vector for\neach word", "third")
    drawing.arrow(caption.at("bottom"), reader.at("top"))
    drawing.arrow(reader.at("bottom"), vectors.at("top"))
    drawing.arrow(vectors.at("left"), denoiser.at("right"), colour="acc")
    drawing.label(606, 236, "keys and values,\nin every step", colour="acc")
    return drawing


def narrow() -> Drawing:
    """Pixels above and below, codes between them, words on the right."""
    drawing = Drawing(NARROW, 660)
    drawing.label(98, 10, f"pixels, {PIXELS}")
    picture = drawing.box(48, 24, 100, 36, "picture $x$", "first")
    encoder = drawing.box(48, 82, 100, 36, "encoder $E$", "second")
    drawing.label(160, 71, "dashed: in\ntraining only", "start")
    drawing.group(0, 132, 196, 388)
    drawing.label(206, 140, f"latent space,\n{CODES}", "start")
    code = drawing.box(48, 160, 100, 36, "code $z$")
    noised = drawing.box(36, 226, 124, 36, "noised code $z_t$")
    denoiser = drawing.box(36, 292, 124, 72, DENOISER, "learned", size=12)
    step = drawing.box(36, 394, 124, 44, "sampler step\nless noise")
    start = drawing.box(36, 474, 70, 34, "noise,\n$t = 1$", size=11.5)
    decoder = drawing.box(48, 544, 100, 36, "decoder $D$", "second")
    result = drawing.box(48, 602, 100, 36, "new picture", "first")
    for above, below in ((picture, encoder), (encoder, code), (code, noised), (noised, denoiser)):
        drawing.arrow(above.at("bottom"), below.at("top"), dashed=True)
    drawing.label(107, 211, "+ noise", "start")
    drawing.arrow(denoiser.at("bottom"), step.at("top"))
    drawing.arrow(step.at("left"), denoiser.at("left", 0.75), (24, 416), (24, 346))
    drawing.arrow(start.at("left"), denoiser.at("left", 0.3), (12, 491), (12, 313.6))
    drawing.label(40, 453, "step by step", "start")
    drawing.arrow(step.at("bottom", 0.86), decoder.at("top", 0.95))
    drawing.label(152, 491, "$t$ = 0", "start")
    drawing.arrow(decoder.at("bottom"), result.at("top"))
    drawing.label(276, 184, "words")
    caption = drawing.box(224, 198, 104, 34, "caption", "third")
    reader = drawing.box(224, 252, 104, 34, "text encoder", "second")
    vectors = drawing.box(224, 306, 104, 44, "a vector for\neach word", "third")
    drawing.arrow(caption.at("bottom"), reader.at("top"))
    drawing.arrow(reader.at("bottom"), vectors.at("top"))
    drawing.arrow(vectors.at("left"), denoiser.at("right"), colour="acc")
    drawing.label(276, 376, "keys and values,\nin every step", colour="acc")
    return drawing
