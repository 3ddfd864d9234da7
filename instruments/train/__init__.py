"""A small denoiser trained before the reader's eyes, beside the exact one and the loss that nothing can get below."""
