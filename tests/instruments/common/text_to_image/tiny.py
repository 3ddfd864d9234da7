"""A tiny U-Net of the real one's shape, with seeded weights: its shapes follow from those of the real network's."""

import numpy as np

from diffusion_lab.instruments.common.scenes.captions import LONGEST, WORDS

WIDTHS, TIME, TEXT = (24, 24, 48), 32, 16


def shapes() -> dict[str, tuple[int, ...]]:
    """Name of each array → its shape."""
    found: dict[str, tuple[int, ...]] = {
        "words/tokens": (len(WORDS), TEXT), "words/positions": (LONGEST, TEXT), "words/norm": (2, TEXT),
        "words/norm_1": (2, TEXT), "words/norm_2": (2, TEXT), "words/qkv": (TEXT, 3 * TEXT),
        "words/qkv_bias": (3 * TEXT,), "words/out": (TEXT, TEXT), "words/out_bias": (TEXT,),
        "words/up": (TEXT, 2 * TEXT), "words/up_bias": (2 * TEXT,), "words/down": (2 * TEXT, TEXT),
        "words/down_bias": (TEXT,),
        "time_1/weight": (64, TIME), "time_1/bias": (TIME,), "time_2/weight": (TIME, TIME), "time_2/bias": (TIME,),
    }  # fmt: skip
    a, b, c = WIDTHS

    def convolution(name: str, width: int, wide: int) -> None:
        found[f"{name}/weight"], found[f"{name}/bias"] = (3, 3, width, wide), (wide,)

    def residual(name: str, width: int, wide: int) -> None:
        for k, (inputs, outputs) in enumerate(((width, wide), (wide, wide)), 1):
            found[f"{name}/scale_{k}"] = found[f"{name}/shift_{k}"] = (inputs,)
            found[f"{name}/conv_{k}"], found[f"{name}/bias_{k}"] = (3, 3, inputs, outputs), (outputs,)
        found[f"{name}/time_weight"], found[f"{name}/time_bias"] = (TIME, wide), (wide,)
        if width != wide:
            found[f"{name}/skip"], found[f"{name}/skip_bias"] = (width, wide), (wide,)

    def attention(name: str, width: int, itself: bool) -> None:
        pairs = {"query": (width, width), "key_value": (TEXT, 2 * width), "out_2": (width, width)}
        if itself:
            pairs |= {"qkv": (width, 3 * width), "out_1": (width, width)}
            found[f"{name}/norm_1"] = (2, width)
        found[f"{name}/norm_2"] = (2, width)
        for part, shape in pairs.items():
            found[f"{name}/{part}"], found[f"{name}/{part}_bias"] = shape, shape[1:]

    convolution("first", 12, a)
    residual("fine_in", a, a)
    convolution("halve_1", a, a)
    residual("middle_in", a, b)
    attention("middle_in_seen", b, True)
    convolution("halve_2", b, b)
    residual("coarse_in", b, c)
    attention("coarse_in_seen", c, True)
    residual("coarse", c, c)
    residual("coarse_out", 2 * c, c)
    attention("coarse_out_seen", c, True)
    convolution("double_2", c, c)
    residual("middle_out", c + b, b)
    attention("middle_out_seen", b, True)
    convolution("double_1", b, b)
    residual("fine_out", b + a, a)
    attention("fine_out_seen", a, False)
    found["norm"] = (2, a)
    convolution("last", a, 12)
    return found


def weights() -> dict[str, np.ndarray]:
    """Weights of sizes that keep activations about as large as they are, float64."""
    rng = np.random.default_rng(7)
    found = {}
    for name, shape in shapes().items():
        drawn = rng.standard_normal(shape)
        part = name.split("/")[-1]
        fan = np.prod(shape[:-1]) if len(shape) > 1 else 100.0
        if part.startswith(("norm", "scale")):
            found[name] = 1.0 + 0.1 * drawn
            if len(shape) == 2:
                found[name][1] -= 1.0
        else:
            found[name] = drawn / np.sqrt(fan)
    return found
