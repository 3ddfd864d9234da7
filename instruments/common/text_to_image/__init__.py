"""A small text-to-image model of scenes (`common/scenes`): the network, its use as a denoiser, and its training."""
