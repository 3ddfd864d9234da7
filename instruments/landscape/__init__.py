"""Four families of generative models on the same data: PPCA, a VAE, a GAN and diffusion, trained and measured alike."""
