"""Students: their targets against definitions, their training, and what is measured over runs."""

from itertools import islice

import numpy as np
import pytest

from diffusion_lab.instruments.common.datasets import DATA_SETS
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.distill import kernel, quality, students
from diffusion_lab.instruments.distill.quality import Runs
from diffusion_lab.instruments.distill.students import SCALES, TEACHER_STEPS

RING = DATA_SETS["ring"]()
EXACT = students.exact(RING.mixture)


@pytest.fixture(scope="module")
def short():
    """The students of a short training, and the moment of each at its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(students, "NUM_STEPS", 80)
        found = {}
        for step, moment in enumerate(students.halving(RING, 1)):
            found[moment.num_steps] = students.Moment.of(step, moment)
        return found


def sigmas(num_steps):
    return [level.sigma for level in kernel.levels(num_steps)]


# --- targets ---------------------------------------------------------------------------------------------------------


def one_step_only(teacher, x, sigma, middle, end):
    return teacher(x, sigma)


def in_vp_weights(teacher, x, sigma, middle, end):
    return students.two_steps(teacher, x, sigma, middle, end) / (1 + sigma[:, None])


def back_to_the_start(teacher, x, sigma, middle, end):
    return students.two_steps(teacher, x, sigma, middle, middle)


@pytest.mark.subject(students.two_steps, one_step_only=one_step_only, vp=in_vp_weights, to_the_middle=back_to_the_start)
def test_one_step_with_the_target_is_two_steps_of_the_teacher(subject, rng):
    for k in (0, 4, 7):
        high, middle, low = (Level.from_sigma(sigma) for sigma in sigmas(TEACHER_STEPS)[2 * k : 2 * k + 3])
        x = high.signal * (RING.mixture.sample(30, rng)[0] + high.sigma * rng.standard_normal((30, 2)))
        *_, teacher = kernel.ddim(MixtureDenoiser(RING.mixture), x, [high, middle, low])
        ones = np.ones(30)
        target = subject(EXACT, x / high.signal, high.sigma * ones, middle.sigma * ones, low.sigma * ones)
        after = target + (low.sigma / high.sigma) * (x / high.signal - target)
        np.testing.assert_allclose(low.signal * after, teacher.x, atol=1e-9)


def guided_as(w_of):
    def guided(data, x, sigma, part, scale):
        return students.guided(data, x, sigma, part, w_of(scale))

    return guided


@pytest.mark.subject(students.guided, other_convention=guided_as(lambda w: w + 1), plain=guided_as(lambda w: 0 * w + 1))
def test_the_guided_prediction_is_that_of_each_condition(subject, rng):
    x, part = rng.standard_normal((60, 2)), np.arange(60) % 6
    sigma, scale = np.full(60, 0.7), np.repeat([1.0, 3.0], 30)
    found = subject(RING, x, sigma, part, scale)
    for k in range(6):
        own = part == k
        uncond, cond = (law.posterior_mean(x[own], 1.0, sigma[own]) for law in (RING.mixture, RING.law(k)))
        np.testing.assert_allclose(found[own], uncond + scale[own, None] * (cond - uncond), atol=1e-9)


def test_the_teacher_of_guidance_counts_two_passes_and_one_where_there_is_no_guidance():
    part, x = np.arange(12) % 6, kernel.noise(0, 12)
    for scale, passes in ((3.0, 2), (1.0, 1)):
        run = kernel.ddim_run(students.GuidedTeacher(RING, part, scale), x, 4)
        assert run.nfe[-1] == 4 * passes
    student = students.untrained(RING, (0,), 7)
    learned = students.GuidedStudent(student, students.inputs_of(RING, part, 3.0))
    assert kernel.ddim_run(learned, x, 4).nfe[-1] == 4


def test_further_inputs_are_the_condition_and_the_scale():
    inputs = students.inputs_of(RING, [2, 0], SCALES[1])
    np.testing.assert_array_equal(inputs, [[0, 0, 1, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 1]])


# --- training --------------------------------------------------------------------------------------------------------


def test_an_untrained_student_has_a_network_that_is_0(rng):
    x, student = rng.standard_normal((10, 2)), students.untrained(RING, (0,))
    c_skip = RING.sd**2 / (2.0**2 + RING.sd**2)
    np.testing.assert_allclose(student.clean(x, 2.0), c_skip * x, atol=1e-6)
    level = Level.from_sigma(2.0)
    np.testing.assert_allclose(student(level.signal * x, level), (1 - c_skip) * x / 2.0, atol=1e-6)


def trained(num_steps, seed=0):
    return list(islice(students.guidance_distillation(RING, seed, 200), num_steps + 1))[-1].fit


def test_a_fit_depends_on_its_seed_alone_and_learns():
    one, two, other = trained(200), trained(200), trained(200, seed=1)
    assert one.losses == two.losses != other.losses
    np.testing.assert_array_equal(one.student.weights, two.student.weights)
    assert np.mean(one.losses[-20:]) < 0.35 * np.mean(one.losses[:5])


def test_the_learning_rate_falls_evenly_to_0(monkeypatch):
    rates = []

    class Watched(students.Adam):
        def update(self, weights, grads):
            rates.append(self.learning_rate)
            super().update(weights, grads)

    monkeypatch.setattr(students, "Adam", Watched)
    assert len(list(students.guidance_distillation(RING, 1, 5))) == 6
    np.testing.assert_allclose(rates, students.LEARNING_RATE * np.array([1.0, 0.8, 0.6, 0.4, 0.2]))


def test_a_student_learns_at_the_levels_of_its_own_steps(monkeypatch):
    """It never starts in the middle of two steps of its teacher: no step of its sampler does."""
    seen, two_steps = [], students.two_steps

    def recorded(teacher, x, sigma, middle, end):
        seen.append((sigma, middle, end))
        return two_steps(teacher, x, sigma, middle, end)

    monkeypatch.setattr(students, "two_steps", recorded)
    list(islice(students.halving(RING, 0), 2))
    teachers = np.array([level.sigma for level in kernel.levels(16)])
    for sigmas, levels in zip(seen[0], (teachers[:-2:2], teachers[1::2], teachers[2::2]), strict=True):
        np.testing.assert_array_equal(np.unique(sigmas), levels[::-1])


def test_a_moment_stays_while_the_fit_goes_on():
    states = students.guidance_distillation(RING, 0, 40)
    moment = students.Moment.of(0, next(states))
    before = moment.student.weights.copy()
    assert moment.loss is None
    list(states)
    np.testing.assert_array_equal(moment.student.weights, before)


def test_each_student_is_the_teacher_of_the_next_which_begins_with_its_weights(monkeypatch):
    monkeypatch.setattr(students, "NUM_STEPS", 3)
    states = [(state.num_steps, state.teacher, state.fit.student.weights.copy()) for state in students.halving(RING, 0)]
    assert [num_steps for num_steps, *_ in states] == [8] * 4 + [4] * 3 + [2] * 3 + [1] * 3
    assert states[3][1] is None, "the first teacher is exact"
    for last, first in ((3, 4), (6, 7), (9, 10)):
        np.testing.assert_array_equal(states[first][1].weights, states[last][2])


def distances(moments, which):
    x, found = quality.start_of(1), []
    for moment in moments.values():
        student, teacher = (run.x[-1] for run in quality.halving_pair(RING, which(moment), x))
        found.append(kernel.rms(student, teacher))
    return np.array(found)


def not_trained(moment):
    return moment._replace(student=students.untrained(RING, (1, 0)))


@pytest.mark.subject(lambda moment: moment, not_trained=not_trained)
def test_students_follow_their_teachers(short, subject):
    found = distances(short, subject)
    assert found[0] < 0.8
    assert np.all(found[1:] < 0.25)


def test_a_student_in_one_step_is_far_better_than_ddim_in_one(short):
    x = quality.start_of(1)
    student, ddim = (
        kernel.law_error(kernel.ddim_ends(denoiser, x, 1), RING.mixture).distance
        for denoiser in (short[1].student, MixtureDenoiser(RING.mixture))
    )
    assert student < 0.4 * ddim


@pytest.mark.subject(lambda learned: learned, untrained=lambda _: students.untrained(RING, (0,)))
def test_the_learned_map_is_nearly_the_exact_one(subject, monkeypatch):
    monkeypatch.setattr(students, "MAP_STEPS", 300)
    learned = subject(finish(students.learned_map(RING, 0)))
    way = kernel.trajectories(RING.mixture, kernel.noise(7, 300))
    for k in (0, 60):
        gap = np.linalg.norm(finish(learned.ends(way.x[k], way.levels[k])) - way.x[-1], axis=1)
        assert np.median(gap) < 0.25


# --- runs ------------------------------------------------------------------------------------------------------------


def as_standard_deviation(values):
    return values.mean(axis=0), values.std(axis=0, ddof=1)


@pytest.mark.subject(quality.mean_and_error, standard_deviation=as_standard_deviation)
def test_an_error_bar_holds_the_true_mean_two_times_in_three(subject, rng):
    mean, error = subject(3.0 + rng.standard_normal((8, 4000)))
    assert 0.63 < np.mean(np.abs(mean - 3.0) < error) < 0.68


def test_what_is_lost_is_the_difference_to_the_teacher():
    runs = Runs((16, 8, 4), np.array([[0.1, 0.15, 0.17], [0.1, 0.13, 0.12]]), np.array([[0.1, 0.2, 0.4]] * 2))
    student, ddim = quality.lost(runs, 4)
    np.testing.assert_allclose(student, [0.02, -0.01])
    np.testing.assert_allclose(ddim, [0.2, 0.2])


def test_a_run_of_the_halvings_is_of_its_noise_and_students(short):
    trained = [short[8].student, short[4].student]
    method, ddim = quality.halving_run(RING, trained, 1, 0)
    x = quality.start_of(1)
    assert method[2] == kernel.law_error(kernel.ddim_ends(trained[1], x, 4), RING.mixture).distance
    assert ddim[4] == kernel.law_error(kernel.ddim_ends(MixtureDenoiser(RING.mixture), x, 1), RING.mixture).distance
    assert (len(method), len(ddim), method[0]) == (3, 5, ddim[0])
    assert quality.halving_run(RING, trained, 1, 1)[1] != ddim
    assert not np.array_equal(quality.start_of(1, 1), x)


def test_runs_in_few_steps_are_shown_from_the_second_on():
    work = quality.few_steps(RING, lambda x, level: kernel.consistency_map.work(RING.mixture, x, level), (1, 2), 0, 3)
    shown = []
    while True:
        try:
            done, of, *partial = next(work)
        except StopIteration as end:
            runs = end.value
            break
        assert done <= of
        shown += [len(partial[0].method) if partial else 0]
    assert sorted(set(shown)) == [0, 2]
    assert runs.method.shape == runs.ddim.shape == (3, 2)
    assert runs.method.max() < 0.08 < 0.5 < runs.ddim.min()


def test_gaps_of_guidance_are_from_the_guided_teacher():
    part, x = np.arange(60) % 6, kernel.noise(0, 60)
    student = trained(200).student
    gaps = quality.guidance_gaps(RING, student, x, part, [1.0, 4.0])
    own, teacher = (run.x[-1] for run in quality.guidance_pair(RING, student, x, part, 4.0))
    assert gaps[1, 0] == kernel.rms(own, teacher)
    assert gaps[0, 1] == 0.0, "at w = 1 the teacher is not guided"
    assert gaps[1, 1] == kernel.rms(quality.unguided_ends(RING, x, part), teacher) > 0.3
