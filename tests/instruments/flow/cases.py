"""The flow that the tests beside this file compare with."""

import numpy as np

from diffusion_lab.instruments.flow import kernel

RING = kernel.DATA["ring"]


def own_pairs(seed: int = 4) -> kernel.Pairs:
    return kernel.draw_pairs(RING, kernel.NUM_POINTS, np.random.default_rng(seed))


def exact(name: str = "rectified_flow") -> kernel.Flow:
    return kernel.make_flow(RING, name, np.random.default_rng(0))
