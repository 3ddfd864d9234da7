"""Latent diffusion: pictures as codes, and a transformer that denoises the codes."""
