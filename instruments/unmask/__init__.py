"""Masked diffusion over an exact word model: instrument 8."""
