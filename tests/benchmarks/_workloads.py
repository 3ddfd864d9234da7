"""What `kernels.py` times. This text runs as it is in the Python at hand and, as a cell, in the built site's worker."""

import time
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from diffusion_lab.instruments.common import datasets
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.masked import chains
from diffusion_lab.instruments.common.samplers.langevin import annealed_langevin
from diffusion_lab.instruments.flow import component as flow_panel
from diffusion_lab.instruments.flow import kernel as flow
from diffusion_lab.instruments.guidance import kernel as guidance
from diffusion_lab.instruments.guidance import pictures
from diffusion_lab.instruments.ring import component as ring_panel
from diffusion_lab.instruments.ring import kernel as ring
from diffusion_lab.instruments.unmask import kernel as unmask

Work = Callable[[], object]

ROUND_S = 0.005  # fifty ticks of the browser's coarse clock
SPENT_S = 1.0  # at least, on each
NUM_SEQUENCES = 64  # behind the forward-backward recursion
LENGTH = 24


def best_ms(work: Work, rounds: int) -> float:
    """Milliseconds of one call, in the best of many short rounds: on a busy machine some of them are not disturbed."""
    number = 1
    while (best := min(_seconds(work, number) for _ in range(3))) < ROUND_S:  # one may be slow for lack of warmth
        number = max(2 * number, int(number * ROUND_S / max(best, 1e-4)))
    spent = 0.0
    while rounds > 0 or spent < SPENT_S:
        elapsed = _seconds(work, number)
        best, spent, rounds = min(best, elapsed), spent + elapsed, rounds - 1
    return 1000 * best / number


def _seconds(work: Work, number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        work()
    return time.perf_counter() - start


def timed(group: str, rounds: int) -> dict[str, float]:
    """Milliseconds by name, for one of the groups."""
    return {name: best_ms(work, rounds) for name, work in GROUPS[group]().items()}


# --- what the instruments compute ------------------------------------------------------------------------------------


def of_ring() -> dict[str, Work]:
    """Reverse process, what a move of the slider needs, field and density."""
    mixture = datasets.ring()
    rng = np.random.default_rng(0)
    x0, _ = ring.draw_clean(mixture, ring.NUM_POINTS, rng)
    eps = rng.standard_normal(x0.shape)
    return {
        "ring: reverse process, 600 evaluations of 520 points": lambda: list(
            ring.sample(mixture, rng=np.random.default_rng(4))
        ),
        "ring: forward and measures, 520 points": lambda: ring.measures(ring.forward(x0, eps, 0.3), mixture, 0.3),
        "ring: score field, 19 × 19": lambda: ring.score_field(mixture, 0.3, ring_panel.FIELD),
        "ring: density, 96 × 96": lambda: ring.density(mixture, 0.3, ring_panel.EXTENT, ring_panel.DENSITY_SIDE),
    }


def of_guidance() -> dict[str, Work]:
    """Whole runs, the curve of adherence against spread, one picture of the tilted density, the probe."""
    deterministic, langevin = guidance.Settings(), guidance.Settings(sampler="langevin")
    at_noise, model = pictures.AtNoise("a", 0.3), guidance.CONDITIONS["a"]
    return {
        "guidance: Heun, 24 levels, 360 points": lambda: guidance.sample(deterministic),
        "guidance: Langevin, 24 × 5 steps, 360 points": lambda: guidance.sample(langevin),
        "guidance: curve, 9 scales of 108 points": lambda: guidance.sampled_curve(deterministic),
        "guidance: shading by the tilted density": lambda: pictures.tilted_image(*at_noise.log_densities, 3.0),
        "guidance: probe": lambda: pictures.probe(model, (0.4, 0.3), 0.3, 3.0),
    }


def of_flow() -> dict[str, Work]:
    """Following exact and fitted flows, their convergence, the fit itself."""
    mixture = flow.DATA["ring"]
    noise = flow.draw_pairs(mixture, flow.NUM_POINTS, np.random.default_rng(0)).noise
    exact = flow.make_flow(mixture, "rectified_flow", np.random.default_rng(1)).velocity
    fitted = flow.make_flow(mixture, "minibatch_transport", np.random.default_rng(1)).velocity
    end = flow.reference_solution(exact, noise).end
    pairs = flow.draw_pairs(mixture, flow.NUM_PAIRS, np.random.default_rng(2))
    return {
        "flow: exact, 32 Heun steps, 384 points": lambda: flow.solve(exact, noise, 32, "heun"),
        "flow: fitted, 32 Heun steps, 384 points": lambda: flow.solve(fitted, noise, 32, "heun"),
        "flow: reference, 128 Runge-Kutta steps": lambda: flow.reference_solution(exact, noise),
        "flow: convergence, 7 step numbers, all solvers": lambda: flow.convergence(
            exact, noise, end, flow_panel.LADDER
        ),
        "flow: fit to 9216 pairs": lambda: flow.fit_velocity(pairs.noise, pairs.data),
        "flow: 384 batches of 16 assigned": lambda: flow.couple(pairs, 16),
    }


def of_unmask() -> dict[str, Work]:
    """One decoding, the quality of many, the exact curve of the small chain."""
    given = unmask.sequence(15, {})
    return {
        "unmask: one decoding, 15 words, 5 passes": lambda: unmask.decoding(given, 5, "confidence", 1.0, 0.0, 3),
        "unmask: one decoding, 24 words, 24 passes": lambda: unmask.decoding(
            unmask.sequence(24, {}), 24, "confidence", 1.0, 0.0, 3
        ),
        "unmask: quality at every K, 16 texts each": lambda: unmask.quality(given, "confidence", 1.0, 0.0, 3, 16),
        "unmask: small chain, exact": lambda: unmask.kl_curve("confidence", 0.9, 0.0),
    }


# --- NumPy itself ----------------------------------------------------------------------------------------------------


def of_numpy() -> dict[str, Work]:
    """What all of it is made of."""
    rng = np.random.default_rng(0)
    million = rng.standard_normal(1_000_000)
    million32 = million.astype(np.float32)
    small = rng.standard_normal((6, 520))
    return {
        "exp of 1e6, float64": lambda: np.exp(million),
        "exp of 1e6, float32": lambda: np.exp(million32),
        "exp of 6 × 520": lambda: np.exp(small),
        "a call: a + b of 2 numbers": lambda: small[:1, :2] + small[1:2, :2],
        "a + b of 1e6": lambda: million + million,
        "standard_normal of 1e6": lambda: rng.standard_normal(1_000_000),
        "sort of 1e6": lambda: np.sort(million),
    }


def products() -> dict[str, tuple[Work, int]]:
    """Matrix products by layout, size and type, each with the multiplications in it.

    256 rows of 8 bytes lie 2048 bytes apart, which some caches dislike; 260 do not.
    """
    rng = np.random.default_rng(0)
    found: dict[str, tuple[Work, int]] = {}
    for dtype in (np.float64, np.float32):
        name = np.dtype(dtype).name
        for n in (64, 256, 260):
            a, b = rng.standard_normal((2, n, n)).astype(dtype)
            found[f"A @ B, {n} × {n}, {name}"] = lambda a=a, b=b: a @ b, n**3
            found[f"A @ B.T, {n} × {n}, {name}"] = lambda a=a, b=b: a @ b.T, n**3
            found[f"A.T @ B, {n} × {n}, {name}"] = lambda a=a, b=b: a.T @ b, n**3
        for shapes in (((520, 2), (2, 6)), ((2, 6), (6, 520)), ((64, 178), (178, 178)), ((1, 178), (178, 178))):
            a, b = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
            found[f"{shapes[0]} @ {shapes[1]}, {name}"] = lambda a=a, b=b: a @ b, a.size * b.shape[1]
    return found


def of_products() -> dict[str, Work]:
    """The products alone."""
    return {name: work for name, (work, _) in products().items()}


# --- the same in plain JavaScript ------------------------------------------------------------------------------------


class Given:
    """Normal numbers that are given, from the start each time: the noise is no part of the comparison."""

    def __init__(self, noise: np.ndarray) -> None:
        self.noise, self.step = noise, -1

    def standard_normal(self, shape: tuple[int, ...]) -> np.ndarray:
        """The next step's."""
        self.step += 1
        return self.noise[self.step]


def langevin_inputs() -> dict[str, object]:
    """The ring's annealed Langevin run: 60 levels × 10 steps × 520 points, and all its noise."""
    mixture = datasets.ring()
    rng = np.random.default_rng(4)
    return {
        "x": rng.standard_normal((ring.NUM_POINTS, 2)) * ring.SIGMA_MAX,
        "noise": rng.standard_normal((ring.NUM_LEVELS * ring.NUM_STEPS, ring.NUM_POINTS, 2)),
        "sigmas": np.array([level.sigma for level in ring.sampling_levels("langevin", ring.NUM_LEVELS)]),
        "means": mixture.means,
        "logWeights": np.log(mixture.weights),
        "s": mixture.s,
        "numSteps": ring.NUM_STEPS,
        "stepSize": ring.STEP_SIZE,
    }


def langevin(inputs: dict[str, object]) -> np.ndarray:
    """Where the points end, (520, 2)."""
    mixture = datasets.ring()
    levels = ring.sampling_levels("langevin", ring.NUM_LEVELS)
    *_, last = annealed_langevin(
        MixtureDenoiser(mixture),
        np.asarray(inputs["x"]) * levels[0].signal,
        levels,
        Given(inputs["noise"]),
        num_steps=ring.NUM_STEPS,
        step_size=ring.STEP_SIZE,
    )
    return last.x / levels[-1].signal


def posterior_inputs() -> dict[str, object]:
    """Half-revealed sequences of the word model, and the model."""
    model = unmask.word_model()
    rng = np.random.default_rng(5)
    x, _ = model.left_to_right(np.full((NUM_SEQUENCES, LENGTH), chains.MASK), 1.0, rng)
    return {
        "x": np.where(rng.random(x.shape) < 0.5, chains.MASK, x).astype(np.float64),
        "numSequences": NUM_SEQUENCES,
        "length": LENGTH,
        "start": model.start,
        "first": model.first.astype(np.float64),
        "last": model.last.astype(np.float64),
        "matrix": model.matrix,
        "transposed": np.ascontiguousarray(model.matrix.T),
    }


def posterior(inputs: dict[str, object]) -> np.ndarray:
    """p(x_i | what is revealed), (64, 24, V)."""
    return unmask.word_model().posterior(np.asarray(inputs["x"]).astype(np.int64))[0]


@cache
def prepared() -> dict[str, tuple[dict[str, object], Callable[[dict[str, object]], np.ndarray]]]:
    """What JavaScript does too, by the name of its file: inputs and Python's own function of them."""
    return {"langevin": (langevin_inputs(), langevin), "posterior": (posterior_inputs(), posterior)}


GROUPS = {
    "ring": of_ring,
    "guidance": of_guidance,
    "flow": of_flow,
    "unmask": of_unmask,
    "numpy": of_numpy,
    "products": of_products,
    "same": lambda: {name: partial(work, inputs) for name, (inputs, work) in prepared().items()},
}
