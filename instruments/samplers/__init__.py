"""Samplers compared on one exact score: paths, error against evaluations, interpolation, and famous faults."""
