"""Flows from noise to data: exact and fitted velocity fields, their paths, and the straightness of these.

Time runs from noise (t = 0) to data (t = 1) and has no unit; lengths are in units of the data.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.couplings import minibatch_couple
from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.flows import (
    DIFFUSION,
    RECTIFIED,
    Estimate,
    Path,
    conditional_point,
    conditional_velocity,
    detour,
    draw_pairs_through,
    marginal_velocity,
    score_of_velocity,
    straightness,
    transport_cost,
    velocity_variance,
)
from diffusion_lab.instruments.common.metrics import Discrepancy, mmd, nearest
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.by_name import FLOW_SOLVERS
from diffusion_lab.instruments.common.samplers.flow import (
    Velocity,
    equal_times,
    flow_heun,
    flow_sde_euler,
    runge_kutta_4,
)
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.common.slices import Work, sliced, within
from diffusion_lab.instruments.common.velocity_fit import NARROW, NUM_TIMES, WIDE, fit_velocity

Array = NDArray[np.float64]
Errors = dict[str, tuple[NDArray[np.int64], Array]]

SOLVERS = tuple(FLOW_SOLVERS)

NUM_POINTS = 384
NUM_PAIRS = 9216
"""Pairs to which a field is fitted; like NUM_POINTS a multiple of each batch size."""
REFERENCE_STEPS = 128
PAIR_STEPS = 32
"""Heun steps from noise to data when the pairs of a reflow are made."""
LAST_MEETING = 0.98
"""Beyond this t no paths through a point are drawn: they have almost ended, and diffusion's speed becomes infinite."""

FLOWS = ("rectified_flow", "minibatch_transport", "reflow_once", "reflow_twice", "diffusion")
EXACT_FLOWS = ("rectified_flow", "diffusion")


SDE_STEPS = (8, 16, 32, 64)
"""Steps whose distances are compared."""
SIGMAS = np.linspace(0.0, 2.0, 9)
"""Strengths of the SDE's noise at which they are compared, in units per square root of t."""


def two_clusters() -> GaussianMixture:
    """Two clusters, 30 % at (-2, 0) and 70 % at (2, 0), s = 0.3."""
    return GaussianMixture(np.array([[-2.0, 0.0], [2.0, 0.0]]), np.array([0.3, 0.7]), 0.3)


def five_clusters() -> GaussianMixture:
    """Five equal clusters as on a die, one at the origin and four at (±1.6, ±1.6), s = 0.2."""
    means = [[0.0, 0.0], [1.6, 1.6], [-1.6, 1.6], [-1.6, -1.6], [1.6, -1.6]]
    return GaussianMixture(np.array(means), np.full(5, 0.2), 0.2)


DATA = {"ring": ring(), "five_clusters": five_clusters(), "two_clusters": two_clusters()}


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of noise and data points, (N, 2) each."""

    noise: Array
    data: Array


@dataclass(frozen=True, eq=False)
class Flow:
    """A velocity field from noise to data: exact, or fitted to `trained_on`.

    path: how a pair is connected in the conditional picture; velocity(x, t) of points (N, 2).
    """

    name: str
    velocity: Velocity
    path: Path
    trained_on: Pairs | None = None

    @property
    def exact(self) -> bool:
        """Whether the velocity is a closed form."""
        return self.trained_on is None


def draw_pairs(mixture: GaussianMixture, n: int, rng: np.random.Generator) -> Pairs:
    """`n` pairs of independent noise and data."""
    noise = rng.standard_normal((n, 2))
    return Pairs(noise, mixture.sample(n, rng)[0])


@sliced
def couple(pairs: Pairs, batch_size: int) -> Work[Pairs]:
    """The same points, paired by optimal assignment within batches of `batch_size`."""
    coupled = minibatch_couple.work(pairs.noise, pairs.data, batch_size)
    if isinstance(coupled, Generator):  # a reader's version may return the data instead of a generator
        coupled = yield from coupled
    return Pairs(pairs.noise, coupled)


@sliced
def make_flow(
    mixture: GaussianMixture,
    name: str,
    rng: np.random.Generator,
    *,
    batch_size: int = 16,
    previous: Flow | None = None,
    num_pairs: int = NUM_PAIRS,
) -> Work[Flow]:
    """The flow called `name`, one of FLOWS; `rng` draws the training pairs of a fitted one.

    "minibatch_transport": pairs assigned within batches of `batch_size` (Pooladian et al. 2023; Tong et al. 2024).
    "reflow_once" and "reflow_twice" (Liu et al. 2023, algorithm 1): fresh noise, moved to data by `previous`,
    the flow one reflow earlier, in PAIR_STEPS Heun steps. Raises ValueError for another name, or without `previous`.
    """
    require(name in FLOWS, f"`name` must be one of {', '.join(FLOWS)}", repr(name))
    if name in EXACT_FLOWS:
        path = RECTIFIED if name == "rectified_flow" else DIFFUSION
        return Flow(name, lambda x, t: marginal_velocity(mixture, x, t, path), path)
    num_times = NUM_TIMES + 1
    if name == "minibatch_transport":
        steps, bandwidth = batch_size + num_times, WIDE
        work = couple.work(draw_pairs(mixture, num_pairs, rng), batch_size)
        pairs = yield from within(work, 0, steps, pieces=batch_size)
    else:
        require(previous is not None, "`previous` must be the flow one reflow earlier", previous)
        assert previous is not None
        steps, bandwidth = PAIR_STEPS + num_times, NARROW
        noise = rng.standard_normal((num_pairs, 2))
        for state in flow_heun(previous.velocity, noise, equal_times(PAIR_STEPS)):
            yield state.step, steps
        pairs = Pairs(noise, state.x)
    fit = fit_velocity.work(pairs.noise, pairs.data, bandwidth)
    velocity = yield from within(fit, steps - num_times, steps, pieces=num_times)
    return Flow(name, velocity, RECTIFIED, pairs)


# --- what the points do ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Run:
    """The points after every step of a solver, (S + 1, N, 2), and the evaluations of the velocity per point."""

    states: Array
    nfe: int

    def node(self, t: float) -> int:
        """The last node up to t, from 0."""
        return min(int(t * (len(self.states) - 1) + 1e-9), len(self.states) - 1)

    def at(self, t: float) -> Array:
        """Points (N, 2) at t, on the straight line between the two nodes about it."""
        place = t * (len(self.states) - 1)
        k = min(int(place), len(self.states) - 2)
        share = place - k
        return (1.0 - share) * self.states[k] + share * self.states[k + 1]


def solve(velocity: Velocity, noise: ArrayLike, num_steps: int, solver: str) -> Run:
    """Move noise (N, 2) along the flow in `num_steps` equal steps of `solver`."""
    require(solver in FLOW_SOLVERS, f"`solver` must be one of {', '.join(FLOW_SOLVERS)}", repr(solver))
    run = Trajectory.of(FLOW_SOLVERS[solver](velocity, noise, equal_times(num_steps)))
    return Run(run.x, int(run.nfe[-1]))


def solve_sde(flow: Flow, noise: ArrayLike, num_steps: int, sigma: float, rng: np.random.Generator) -> Run:
    """Move noise (N, 2) by the SDE of strength `sigma` with the marginals of an exact flow, by Euler–Maruyama.

    Raises ValueError for a fitted flow: its velocity does not give the score of its marginals.
    """
    require(flow.exact, "`flow` must be exact", flow.name, "a fitted velocity gives no score")
    score = partial(score_of_velocity, path=flow.path)
    states = flow_sde_euler(flow.velocity, noise, equal_times(num_steps), rng, score=score, sigma=sigma)
    run = Trajectory.of(states)
    return Run(run.x, int(run.nfe[-1]))


def distance_from_marginal(mixture: GaussianMixture, path: Path, run: Run, node: int) -> Discrepancy:
    """Distance of the points at one node, from 0, from the exact density at the node's t (`metrics.mmd`).

    At a node, because between two of them the points of an SDE are on a straight line, with too little noise.
    """
    at = path.at(node / (len(run.states) - 1))
    return mmd(run.states[node], mixture, at.signal, at.sigma)


@sliced
def distances(
    mixture: GaussianMixture, flow: Flow, noise: Array, steps: Sequence[int], sigmas: Sequence[float], seed: int
) -> Work[Array]:
    """Distance of the ends from the data, (L, S), for each number of steps and each strength sigma of the SDE.

    For one number of steps all sigmas share the same normal numbers, those of `sde_noise(seed)`.
    """
    found = np.zeros((len(steps), len(sigmas)))
    for done in range(found.size):
        row, column = divmod(done, len(sigmas))
        run = solve_sde(flow, noise, steps[row], sigmas[column], sde_noise(seed))
        found[row, column] = distance_from_marginal(mixture, flow.path, run, steps[row]).distance
        yield done + 1, found.size
    return found


def sde_noise(seed: int) -> np.random.Generator:
    """The generator of an SDE's noise: numbers of their own, apart from those of pairs and fits."""
    return seeded([seed, len(FLOWS) + 1])


@dataclass(frozen=True, eq=False)
class Reference:
    """A reference solution of the flow, by REFERENCE_STEPS steps of Runge-Kutta 4, and its measures.

    end: (N, 2). On the diffusion path, stiff near the data, straightness is 0.9 % too large for the ring; the
    error of `end` is below 5e-4 for every exact flow here.
    """

    end: Array
    straightness: Estimate
    cost: Estimate
    detour: Estimate


@sliced
def reference_solution(velocity: Velocity, noise: ArrayLike) -> Work[Reference]:
    """Solve the flow in fine steps from noise (N, 2)."""
    states, velocities = yield from runge_kutta_4.work(velocity, noise, REFERENCE_STEPS)
    cost = transport_cost(states[0], states[-1])
    return Reference(states[-1], straightness(states, velocities), cost, detour(states))


def end_error(end: Array, reference_end: Array) -> float:
    """Root mean square distance between the ends of a solver and of the flow, points (N, 2)."""
    return float(np.sqrt(np.mean(np.sum((end - reference_end) ** 2, axis=1))))


@sliced
def convergence(velocity: Velocity, noise: Array, reference_end: Array, steps: Sequence[int]) -> Work[Errors]:
    """For each solver: evaluations (L,) and end errors (L,) at each number of steps."""
    nfe = {solver: np.zeros(len(steps), dtype=np.int64) for solver in SOLVERS}
    error = {solver: np.zeros(len(steps)) for solver in SOLVERS}
    runs = [(solver, k) for solver in SOLVERS for k in range(len(steps))]
    for done, (solver, k) in enumerate(runs, start=1):
        run = solve(velocity, noise, steps[k], solver)
        nfe[solver][k], error[solver][k] = run.nfe, end_error(run.states[-1], reference_end)
        yield done, len(runs)
    return {solver: (nfe[solver], error[solver]) for solver in SOLVERS}


@dataclass(frozen=True, eq=False)
class Case:
    """Everything about one flow that does not depend on the solver.

    pairs: of the points shown; errors: see `convergence`; end_cluster, pair_cluster: (N,), the cluster nearest to
    the end of each point's flow, and nearest to the data point of its pair.
    """

    flow: Flow
    pairs: Pairs
    reference: Reference
    errors: Errors
    end_cluster: NDArray[np.intp]
    pair_cluster: NDArray[np.intp]


@sliced
def measure(
    mixture: GaussianMixture,
    flow: Flow,
    drawn: Pairs,
    steps: Sequence[int],
    *,
    batch_size: int = 1,
    previous: Flow | None = None,
) -> Work[Case]:
    """Measures `flow`, made with the same `batch_size` and `previous`, on points with the noise of `drawn`.

    steps: numbers of steps for `convergence`. The points' pairs are made like those of the flow: assigned within
    batches, or, for a reflow, moved to data by `previous`.
    """
    noise, pairs, ladder, before = drawn.noise, drawn, len(SOLVERS) * len(steps), 0
    if previous is not None:
        before = REFERENCE_STEPS
    elif flow.name == "minibatch_transport":
        before = batch_size
    of = before + REFERENCE_STEPS + ladder
    if previous is not None:
        carried = yield from within(reference_solution.work(previous.velocity, noise), 0, of, pieces=before)
        pairs = Pairs(noise, carried.end)
    elif flow.name == "minibatch_transport":
        pairs = yield from within(couple.work(drawn, batch_size), 0, of, pieces=before)
    solved = reference_solution.work(flow.velocity, noise)
    reference = yield from within(solved, before, of, pieces=REFERENCE_STEPS)
    compared = convergence.work(flow.velocity, noise, reference.end, steps)
    errors = yield from within(compared, of - ladder, of, pieces=ladder)
    clusters = (nearest(x, mixture.means) for x in (reference.end, pairs.data))
    return Case(flow, pairs, reference, errors, *clusters)


def path_segments(run: Run, t: float, points: int, most: int = 24) -> tuple[Array, Array]:
    """The paths of the first `points` points up to t, as segments: starts and ends, (M, 2) each.

    Through the solver's nodes, at most `most` of them, and on to the current position of the point.
    """
    steps = len(run.states) - 1
    kept = np.linspace(0, steps, min(steps, most) + 1).round().astype(int)
    kept = kept[kept < t * steps - 1e-9]
    nodes = np.concatenate([run.states[kept, :points], run.at(t)[None, :points]])
    return nodes[:-1].reshape(-1, 2), nodes[1:].reshape(-1, 2)


def conditional_paths(pairs: Pairs, path: Path, points: int, pieces: int = 16) -> tuple[Array, Array]:
    """The whole paths of the first `points` pairs as segments: starts and ends, (M, 2) each; a line is one piece."""
    times = np.linspace(0.0, 1.0, 2 if path is RECTIFIED else pieces + 1)
    nodes = np.stack([conditional_point(pairs.noise[:points], pairs.data[:points], t, path) for t in times])
    return nodes[:-1].reshape(-1, 2), nodes[1:].reshape(-1, 2)


# --- the probe -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Meeting:
    """The pairs whose paths pass through one point x at time t, their velocities and the mean of all.

    pairs: n of them, exact posterior draws, or, for a fitted flow, the n training pairs that pass nearest; none
    beyond LAST_MEETING. velocities: (n, 2). mean: (2,), the flow's velocity, exact where the flow is exact.
    spread: root mean square distance of velocities from it, exact for the rectified flow, else over those drawn.
    """

    pairs: Pairs
    velocities: Array
    mean: Array
    spread: float


def pairs_through(
    mixture: GaussianMixture, flow: Flow, x: ArrayLike, t: float, n: int, rng: np.random.Generator
) -> Meeting:
    """The paths that meet at x (2,), t; n of them."""
    x = np.asarray(x, dtype=np.float64)
    mean = flow.velocity(x[None], t)[0]
    if t > LAST_MEETING:
        pairs = Pairs(np.empty((0, 2)), np.empty((0, 2)))
        velocities = np.empty((0, 2))
    elif flow.trained_on is None:
        noise, data, _ = draw_pairs_through(mixture, x, t, n, rng, flow.path)
        pairs, velocities = Pairs(noise, data), conditional_velocity(noise, data, t, flow.path)
    else:
        trained = flow.trained_on
        passing = conditional_point(trained.noise, trained.data, t)
        near = np.argpartition(np.sum((passing - x) ** 2, axis=1), n - 1)[:n]
        pairs = Pairs(trained.noise[near], trained.data[near])
        velocities = pairs.data - pairs.noise
    if flow.exact and flow.path is RECTIFIED:
        spread = float(np.sqrt(velocity_variance(mixture, x, t)))
    else:
        spread = float(np.sqrt(np.mean(np.sum((velocities - mean) ** 2, axis=1)))) if len(velocities) else float("nan")
    return Meeting(pairs, velocities, mean, spread)
