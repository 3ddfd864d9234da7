"""Guidance: the dial over a conditional mixture, its samples, and the density that guidance aims at."""
