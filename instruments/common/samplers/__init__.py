"""Samplers: one function for each published algorithm, in a file of its name, all with the same signature.

    states = sampler(denoiser, x, levels, rng, **options)

denoiser: a `Denoiser`, called as denoiser(x, level); x (N, ...): starting points in VP coordinates at the first level,
N(0, I) for a chain from noise, left untouched; levels: a list of `Level`, each with less noise than the one before;
rng: draws the noise, `numpy.random.Generator` or anything with its `standard_normal`; deterministic ones take none.
A `SamplerState` comes out for the start and after each step. States are computed lazily, but wrong
arguments raise ValueError at the call. Flow samplers (`flow.py`) take velocity and times for denoiser and levels.

The last level may be the clean one. Samplers add no noise in that jump and never call a denoiser there.
"""
