"""Guidance: the dial over a conditional mixture, what it samples, and what it was meant to sample."""
