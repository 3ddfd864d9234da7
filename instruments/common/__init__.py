"""What instruments share: mixtures, schedules, samplers, metrics, data sets. NumPy only."""
