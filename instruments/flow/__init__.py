"""Flow matching: straight pairs, the curved flow that they average to, and how to straighten it."""
