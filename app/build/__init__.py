"""Runs on the author's machine: reads chapters, runs their code, compiles, packs and writes the site."""
