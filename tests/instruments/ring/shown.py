"""What the ring shows, for the tests beside this file."""

import numpy as np

from diffusion_lab.app.instrument import Answer
from diffusion_lab.instruments.ring import kernel
from diffusion_lab.instruments.ring.component import Ring


def layer(panel: Ring, name: str) -> dict[str, np.ndarray]:
    """The columns of a layer as they are drawn, all work done."""
    panel.forget_answers()
    return panel.answer().layers[f"plane.{name}"]


def visible(panel: Ring) -> set[str]:
    """The layers that are seen."""
    panel.forget_answers()
    return {name.partition(".")[2] for name, shown in panel.answer().visible.items() if shown}


def points(panel: Ring, name: str = "points") -> np.ndarray:
    """The points as they are drawn, (520, 2)."""
    columns = layer(panel, name)
    return np.stack([columns["x"], columns["y"]], axis=1)


def answers(panel: Ring, seconds: float = 0.0) -> list[Answer]:
    """Answers in slices, until nothing is left to do."""
    found = [panel.answer(seconds)]
    while found[-1].working:
        found.append(panel.answer(seconds))
    return found


def shown(panel: Ring) -> dict[str, str | list[float]]:
    """The readings as the panel shows them."""
    return panel.reading_texts


def status(panel: Ring) -> str:
    panel.forget_answers()
    return panel.answer().status


def runs_made(monkeypatch) -> list[str]:
    """The samplers of the runs that are begun from now on."""
    made = []
    sample = kernel.sample

    def noted(mixture, sampler, *arguments, **options):
        made.append(sampler)
        return sample(mixture, sampler, *arguments, **options)

    monkeypatch.setattr(kernel, "sample", noted)
    return made


def long_run(**settings) -> Ring:
    return Ring(**({"view": "reverse", "num_points": "20000", "sampler": "ddim", "num_levels": 30} | settings))
