"""The pictures in words, with their numbers."""

from typing import Any

from diffusion_lab.instruments.common.denoiser_training import BATCH, HIDDEN
from diffusion_lab.instruments.distill.quality import MANY
from diffusion_lab.instruments.distill.students import MAP_STEPS, NUM_STEPS, TEACHER_STEPS
from diffusion_lab.instruments.distill.views import SHOWN, places


def describe(shown: Any) -> str:
    """The picture that the instrument `shown` shows."""
    texts, data = shown.reading_texts, shown.label("data_set").lower()
    words = {"map": _map, "few_steps": _few_steps, "halving": _halving, "guidance": _guidance}
    return words[shown.view](shown, texts, data)


def status(shown: Any) -> tuple[str, str]:
    """What is computed, and how exact it is."""
    if shown.view == "map":
        return f"{len(places()):,} places, {SHOWN} points", "exact score, Runge–Kutta to 2e-5, float64"
    if shown.view == "few_steps":
        network = f"network of {MAP_STEPS} training steps, float32" if shown.consistency_map == "learned" else "float64"
        return f"{MANY} points a run", f"exact score; {shown.label('consistency_map').lower()}, {network}"
    return f"MLP of {' × '.join(map(str, HIDDEN))} units, Adam, batches of {BATCH}", "float32; first teacher exact"


def _map(shown: Any, texts: dict[str, Any], data: str) -> str:
    return (
        f"The plane at noise level σ = {texts['sigma']}, each place in the colour of the part of the {data} data where"
        f" the exact trajectory through it ends, with points of this level and, beside it, their ends. From here the"
        f" map leads to the ends of the trajectories up to {texts['same_end']}; the denoiser's guess of the clean point"
        f" is {texts['same_end_true']} away from them. The chart shows both distances against σ."
    )


def _few_steps(shown: Any, texts: dict[str, Any], data: str) -> str:
    mean = f" Mean of {shown.num_runs} runs: {texts['few_mean']} and {texts['few_mean_true']}."
    passes, learned = _counted(shown.num_steps, "pass", "passes"), shown.label("consistency_map").lower()
    return (
        f"Samples of the {data} data by consistency sampling with the {learned} and by DDIM,"
        f" {passes} each, {_progress(shown)}. Distance to the exact density: {texts['few']}, DDIM"
        f" {texts['few_true']}, perfect draws {texts['chance']}.{'' if shown.num_steps not in (1, 2, 4, 8) else mean}"
        " The chart shows these means against the number of passes."
    )


def _halving(shown: Any, texts: dict[str, Any], data: str) -> str:
    own, twice = (_counted(k * shown.moment.num_steps, "step") for k in (1, 2))
    lost = f" By this halving students lose {texts['lost']}, DDIM without training {texts['lost_true']}."
    return (
        f"A student with {own} beside its teacher with {twice}, on the {data} data, after"
        f" {shown.moment.step} training steps in all, {NUM_STEPS} for each student, {_progress(shown)}. Distance to"
        f" the exact density: {texts['halved']}, the teacher {texts['halved_true']}, perfect draws {texts['chance']}."
        f"{lost if shown.student_finished else ''} The chart shows the distances of all finished students and of DDIM"
        f" against their steps, means of {shown.num_runs} runs."
    )


def _guidance(shown: Any, texts: dict[str, Any], data: str) -> str:
    return (
        f"Samples of the {data} data, guided with w = {shown.guidance_scale:.1f} towards each part in turn: the student"
        f" with {texts['saved']} passes after {shown.moment.step} training steps, and its teacher with"
        f" {texts['saved_true']} passes in {TEACHER_STEPS} steps, {_progress(shown)}. The student's ends are"
        f" {texts['gap']} from the teacher's; without guidance they would be {texts['gap_true']} away. The chart shows"
        " both distances against w."
    )


def _progress(shown: Any) -> str:
    return f"{shown.progress:.0%} of the run done"


def _counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
