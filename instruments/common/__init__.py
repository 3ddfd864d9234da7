"""Code shared by instruments: mixtures, schedules, samplers, metrics, data sets. NumPy only."""
