"""What runs on the author's machine: reads chapters, runs them, compiles, packs and writes the site."""
