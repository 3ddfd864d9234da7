"""The cells of the chapters: each does what the text says of it, and one with a wrong line does not."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from diffusion_lab.app.build.chapter_parser import parse_chapter
from diffusion_lab.app.build.chapter_tree import Cell
from diffusion_lab.app.build.site import chapter_paths, read_references

CELLS: dict[str, dict[str, str]] = {
    path.stem: {
        cell.label: cell.code
        for cell in parse_chapter(path, path.read_text("utf-8"), read_references()).of(Cell)
    }
    for path in chapter_paths()
}  # fmt: skip

Names = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """What the text says of a cell.

    holds: asserts it, of the names after the cell and the rows of numbers that it printed; wrong: edits of the cell,
    (old, new), after which it must not hold; above: cells that the cell needs.
    """

    chapter: str
    cell: str
    holds: Callable[[Names, list[list[float]]], None]
    wrong: tuple[tuple[str, str], ...]
    above: tuple[str, ...] = ()


def ran(claim: Claim, edit: tuple[str, str]) -> tuple[Names, list[list[float]]]:
    """The names and the rows of numbers of a cell, edited, after those above it."""
    names: Names = {"plot_line": lambda *_, **__: None, "plot_scatter": lambda *_, **__: None}
    cells = CELLS[claim.chapter]
    for label in claim.above:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(cells[label], names)
    assert cells[claim.cell].count(edit[0]) == 1 or edit == ("", ""), edit
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        exec(cells[claim.cell].replace(*edit) if edit[0] else cells[claim.cell], names)
    rows = [
        re.findall(r"(?<![\w.])[-+]?\d+\.?\d*(?:e-?\d+)?(?![\w])", line) for line in printed.getvalue().splitlines()
    ]
    return names, [[float(number) for number in row] for row in rows if row]


def near(a: Any, b: Any, error: Any) -> bool:
    return bool(np.all(np.abs(np.subtract(a, b)) <= error))


def dissolves(names: Names, rows: list[list[float]]) -> None:
    """The gap between the modes is that of the formula, and their width too, up to chance."""
    _, _, gap, seen, width, ratio = np.transpose(rows)
    assert near(seen, gap, 4 * width * np.sqrt(1 / 120 + 1 / 280))
    right = names["xt"][:, names["mode"] == 1].std(axis=1)
    assert near(right / width, 1, 4 / np.sqrt(2 * 280))
    alpha_bar = np.exp(-6 * np.array([row[0] for row in rows]))
    assert near(width, np.sqrt(alpha_bar * 0.3**2 + 1 - alpha_bar), 6e-4)
    assert near(gap / width, ratio, 0.02)
    assert ratio[1] > 2 > ratio[3], "the last column falls below 2 between 0.1 and 0.3"


def langevin_is_too_wide(_: Names, rows: list[list[float]]) -> None:
    """The modes are wider than the data, by what is predicted; their means are right."""
    (data, smoothed, predicted), left, right = rows
    assert data < smoothed < predicted
    for mode, mean, sd, *_ in (left, right):
        assert near(mean, mode, 0.04)
        assert near(sd / predicted, 1, 0.05)


def best_guess(_: Names, rows: list[list[float]]) -> None:
    """Guessing 0 costs 1, the exact guess least; even that costs something."""
    _, zero, itself, exact = np.transpose(rows)
    assert near(zero, 1, 4 * np.sqrt(2 / 20_000))
    assert np.all(exact <= np.minimum(zero, itself) + 1e-3)
    assert near(exact[0], 1, 0.5) and 0 < exact[-1] < 0.1


def it_learns(_: Names, rows: list[list[float]]) -> None:
    _, loss, floor, above = np.transpose(rows)
    assert np.all(above > 0) and above[-1] < 0.25 * above[0]
    assert near(loss - floor, above, 2e-4)
    assert above[1] < 0.5 * above[0], "most is learned by step 200"


def noising_is_the_jump(_: Names, rows: list[list[float]]) -> None:
    for _, mean, exact, sd, exact_sd in rows:
        assert near(mean, exact, 4 * exact_sd / np.sqrt(1400) + 0.01)
        assert near(sd / exact_sd, 1, 4 / np.sqrt(2800) + 0.01)


def orders(_: Names, rows: list[list[float]]) -> None:
    """From 80 to 160 steps the errors of DDIM and Euler fall to a half, those of Heun and 2M to a quarter."""
    ratio = np.divide(rows[-2][1:], rows[-1][1:])
    assert near(ratio[:2], 2, 0.25) and near(ratio[2:], 4, 0.9)
    assert np.all(np.array(rows[-1][1:]) < 0.1)


def one_dial(names: Names, rows: list[list[float]]) -> None:
    (uncond, cond), *table, (slope, from_eps) = rows
    assert all(near(by_scale, by_weight, 1e-9) for *_, by_scale, by_weight in table)
    assert (table[0][2], table[1][2]) == (uncond, cond), "w = 0 and w = 1"
    assert near(slope, from_eps, 2e-3)


def three_variances(_: Names, rows: list[list[float]]) -> None:
    for w, tilted, langevin, ode, known_ode, sde, known_sde in rows:
        assert near(tilted, 2 / (w + 1), 6e-4)
        assert near([known_ode, known_sde], [2 ** (1 - w), (2 - 4 ** (1 - w)) / (2 * w - 1)], 6e-4)
        for found, known in ((langevin, tilted), (ode, known_ode), (sde, known_sde)):
            assert near(found / known, 1, 0.05)


def what_is_left_out_is_lost(_: Names, rows: list[list[float]]) -> None:
    """The error of a linear code is the variance that it leaves out; with all values nothing is lost."""
    values, error, left_out = np.transpose(rows)
    assert near(error, left_out, 2e-5)
    assert np.all(np.diff(error) < 0) and error[-1] == 0 and values[-1] == 16
    assert error[2] < 0.2 * error[0], "four directions have most of the variance"


def euler_falls_by_half(names: Names, rows: list[list[float]]) -> None:
    assert near([gain for *_, gain in rows[-2:]], 2, 0.35)
    assert names["euler"](names["velocity"], names["noise"], 1)[-1].std() < 0.2, "the first step leads to the mean"


def one_reflow_is_straight(_: Names, rows: list[list[float]]) -> None:
    (random, of_flow), (bent, missed), (straight, missed_after) = rows
    assert of_flow < random
    assert straight < 1e-3 < 0.1 < bent
    assert missed_after < 0.02 < 0.5 < missed


def one_end_for_a_trajectory(_: Names, rows: list[list[float]]) -> None:
    """The map is that of quantiles, from either level; the guess from pure noise is nearly the mean of the data."""
    _, *table, (_, left) = rows
    noise, ends, from_half, guess = np.transpose(table)
    assert near(ends, from_half, 0.011)
    assert np.all(np.diff(ends) > 0)
    share = 0.3 * norm.cdf(ends, -2, 0.3) + 0.7 * norm.cdf(ends, 2, 0.3)
    assert near(share, norm.cdf(noise), 0.012)
    assert near(guess, 0.8, 0.1)
    assert near(left, 0.3, 4 * np.sqrt(0.21 / 10_000) + 0.005)


def the_rule_is_biased(_: Names, rows: list[list[float]]) -> None:
    (blind, *_), (published, *_) = rows
    assert (blind, published) == (0.0, 0.0760)


def the_bound_is_met(_: Names, rows: list[list[float]]) -> None:
    assert all(near(objective, nats, 2e-6) for *_, objective, nats in rows)


def learned_is_near(names: Names, rows: list[list[float]]) -> None:
    *table, (off,), (size,) = rows
    assert all(near(exact, learned, 0.1) for exact, learned in table)
    assert [row[0] for row in table] == sorted((row[0] for row in table), reverse=True)
    assert 0 < off < 0.2
    assert size == sum(part.size for part in vars(names["network"]()).values() if isinstance(part, np.ndarray))


def the_writer_s_law_remains(names: Names, rows: list[list[float]]) -> None:
    assert rows[0] == [0.7]
    assert near(names["outcome"], names["p"], 1e-12)


def the_gap_is_a_divergence(_: Names, rows: list[list[float]]) -> None:
    """The bound is the likelihood for the right encoder, and below it by the divergence for all others."""
    times, bound, gap, theory = np.transpose(rows)
    assert near(gap, theory, 0.0011)
    assert near(bound + gap, bound[2], 0.0011)
    assert gap[2] == 0 and np.all(np.delete(gap, 2) > 0.05)
    assert near(theory, 0.5 * (times - 1 - np.log(times)), 6e-4)


def going_back_trades(_: Names, rows: list[list[float]]) -> None:
    """From further back the points fit the data better, and fewer stay on the moon of their own stroke."""
    (drawn, kept_as_drawn), *table, (real,) = rows
    _, fit, kept = np.transpose(table)
    assert kept_as_drawn == 1 and drawn < real - 10, "the strokes miss the moons"
    assert drawn < fit[0] < fit[1] and np.all(fit[1:] > real - 0.35)
    assert np.all(np.diff(kept) < 0.02) and kept[1] > 0.95 and 0.8 < kept[2] < 0.95 and 0.5 < kept[3] < 0.7
    assert near(kept[-1], 0.5, 4 * 0.5 / np.sqrt(400)), "from pure noise the stroke is forgotten"


def only_chunks_pass(names: Names, rows: list[list[float]]) -> None:
    """The mean hits; single actions change sides beside the obstacle; chunks pass, on either side of any obstacle."""
    (mean, _), (alone, _), (chunks, above) = rows
    assert (mean, chunks) == (1.0, 0.0)
    assert near(alone, 1 - 0.5**3, 4 * np.sqrt(0.875 * 0.125 / 400) + 0.02)
    assert near(above, np.mean(names["side"] > 0), 4 * 0.5 / np.sqrt(400) + 0.1)
    for obstacle in (-0.4, 0.4):
        off = names["sample"](names["demos"], obstacle) - obstacle * names["arc"]
        assert np.mean(np.abs(off[:, 3:5]).min(axis=1) < 0.4) < 0.02, "chunks follow what is seen"


CLAIMS = (
    Claim("01-forward", "dissolve", dissolves, (
        ("gap = 4 * np.sqrt(alpha_bar)", "gap = 4 * alpha_bar"),
        ("np.sqrt(1 - alpha_bar)[:, None]", "(1 - alpha_bar)[:, None]"),
        ("np.sqrt(alpha_bar * s**2 + 1", "np.sqrt(s**2 + 1"),
    )),
    Claim("01-forward", "langevin", langevin_is_too_wide, (
        ("np.sqrt(2 * step)", "np.sqrt(step)"),
        ("(1 - fraction / 2)", "(1 - fraction)"),
        ("to_mode = means - x[:, None]", "to_mode = x[:, None] - means"),
    ), ("dissolve",)),
    Claim("02-learning", "batch", best_guess, (
        ("return -np.sqrt(1 - ab) * (resp", "return np.sqrt(1 - ab) * (resp"),
        ("np.sqrt(1 - ab) * eps\n", "(1 - ab) * eps\n"),
        ("return np.mean((guess(x, ab) - eps)**2)", "return np.mean(np.abs(guess(x, ab) - eps))"),
    )),
    Claim("02-learning", "train", it_learns, (
        ("m += 0.1 * (g - m)", "m += 0.1 * (m - g)"),
        ("w -= rate * m", "w += rate * m"),
        ("(exact(x, ab) - eps)**2", "(0.5 * exact(x, ab) - eps)**2"),
    ), ("batch",)),
    Claim("03-samplers", "noising", noising_is_the_jump, (
        ("x - 0.5 * beta * x * dt", "x - beta * x * dt"),
        ("np.sqrt(dt) * rng", "dt * rng"),
    )),
    Claim("03-samplers", "orders", orders, (
        ("clean + (clean - old) / 2", "clean + (clean - old)"),
        ("slope(ahead, b)", "slope(ahead, a)"),
        ("return (x - eps_hat(x, ab) / np.sqrt(1 - ab)) / 2", "return (x - eps_hat(x, ab)) / 2"),
    )),
    Claim("04-guidance", "dial", one_dial, (
        ("weight = w - 1", "weight = w"),
        ("(1 - w) * eps_uncond + w * eps_cond", "w * eps_uncond + (1 - w) * eps_cond"),
        ("(eps_uncond - eps_cond) / sigma", "(eps_cond - eps_uncond) / sigma"),
    )),
    Claim("04-guidance", "gaussian", three_variances, (
        ("(2 - 4.0**(1 - w))", "(2 - 2.0**(1 - w))"),
        ("pull = w + (1 - w) / 2", "pull = w + (1 - w)"),
        ("now = np.sqrt(now**2 + added)", "now = now + added"),
    ), ("dial",)),
    Claim("05-latent", "linear-code", what_is_left_out_is_lost, (
        ("variance[::-1], directions[:, ::-1]", "variance, directions"),
        ("code = (patches - mean) @", "code = patches @"),
        ("np.cov((patches - mean).T, bias=True)", "np.corrcoef(patches.T)"),
    )),
    Claim("06-flow", "curved", euler_falls_by_half, (
        ("data = means + t * s**2 / var * gap", "data = means + 0 * gap"),
        ("x = x + velocity(x, i / n) / n", "x = x + velocity(x, (i + 1) / n) / n"),
    )),
    Claim("06-flow", "reflow", one_reflow_is_straight, (
        ("(1 - t) * z + t * T, T - z)", "z, T - z)"),
        ("speed = np.diff(path, axis=0) * n", "speed = np.diff(path, axis=0)"),
    ), ("curved",)),
    Claim("07-fewer-steps", "map", one_end_for_a_trajectory, (
        ("sigma**2 * (resp @ means)", "sigma * (resp @ means)"),
        ("return follow(x, sigma, end)", "return guess(x, sigma)"),
        ("slope = (x - guess(x, a)) / a", "slope = (x - guess(x, a)) / b"),
    )),
    Claim("08-text", "published-rule", the_rule_is_biased, (
        ("probs if looks else [0] * len(masked)", "[0] * len(masked)"),
        ("mass * np.prod(probs) / len(best)", "mass * np.prod(probs)"),
        ("stay = 0.6", "stay = 0.7"),
    )),
    Claim("08-text", "objective", the_bound_is_met, (
        ("factorial(m - 1) * factorial(3 - m) / 6", "1 / 3"),
        ("known = {i: x0[i] for i in range(3)\n                     if i not in masked}", "known = {}"),
    ), ("published-rule",)),
    Claim("08-text", "learned", learned_is_near, (
        ("np.log(exact[2] / guess[2])", "np.log(guess[2] / exact[2])"),
        ("- 1\nprint", "\nprint"),
        ("{guess[2, k]:.4f}", "{guess[1, k]:.4f}"),
    ), ("published-rule",)),
    Claim("08-text", "drafts", the_writer_s_law_remains, (
        ("rest = np.maximum(p - q, 0)", "rest = p"),
        ("keep = np.minimum(1, p / q)", "keep = np.minimum(1, q / p)"),
    ), ("published-rule",)),
    Claim("09-beyond", "sdedit", going_back_trades, (
        ("x = start.signal * points + start.sigma_t * noise", "x = points + start.sigma_t * noise"),
        ("np.exp(-6 * t)", "np.exp(-t)"),
        ("ddim(MixtureDenoiser(data), x, levels, rng, eta=1.0)", "ddim(MixtureDenoiser(data), x, levels[:2])"),
    )),
    Claim("09-beyond", "policy", only_chunks_pass, (
        ("gap = ((x[:, None]", "gap = 0 * ((x[:, None]"),
        ("x = clean + b / a * (x - clean)", "x = clean"),
        ("side = rng.choice([-1, 1], n)", "side = np.ones(n)"),
        ("return -(obstacle - seen)**2 / (2 * 0.1**2)", "return 0 * seen"),
    ), ("sdedit",)),
    Claim("10-landscape", "elbo-gap", the_gap_is_a_divergence, (
        ("left = np.sum((x - mean[:, None] * w)**2, axis=1) + var * (w @ w)",
         "left = np.sum((x - mean[:, None] * w)**2, axis=1)"),
        ("mean**2 + var - 1 - np.log(var)", "mean**2 + var - 1"),
        ("post_mean = x @ w * post_var / noise**2", "post_mean = x @ w * post_var"),
        ("noise**2 * np.eye(2)", "noise * np.eye(2)"),
    )),
)  # fmt: skip

RUNS = [
    pytest.param(claim, edit, id=f"{claim.cell}-{k or 'real'}", marks=[pytest.mark.mutant] if k else [])
    for claim in CLAIMS
    for k, edit in enumerate([("", ""), *claim.wrong])
]


@pytest.mark.parametrize(("claim", "edit"), RUNS)
def test_a_cell_does_what_the_text_says(claim, edit):
    claim.holds(*ran(claim, edit))


#: Their claims are about many texts of the word model: the build checks some of them in `compute` blocks.
SLOW = {"gap", "learned-quality", "saved"}


def test_every_cell_has_a_claim():
    assert {cell for cells in CELLS.values() for cell in cells} - {claim.cell for claim in CLAIMS} == SLOW
