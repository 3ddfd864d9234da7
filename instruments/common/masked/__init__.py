"""Masked diffusion over tokens: rules and decoding, drafts, and the exact laws of both on small chains."""
