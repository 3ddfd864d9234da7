"""The loss of a denoiser made concrete: clean, noise, input, prediction and squared gap, and the floor under it."""
