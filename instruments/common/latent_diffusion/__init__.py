"""A small latent diffusion model of scenes (`common/scenes`): an autoencoder, and a transformer on its codes."""
