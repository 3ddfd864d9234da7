"""Runs code cells and explains their errors, in the browser and at build time."""
