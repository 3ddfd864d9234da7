"""Flow matching: straight pairs, the curved flow they average to, and what makes it straight."""
