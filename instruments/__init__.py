"""The instruments: one folder each; the directory is the registry."""
