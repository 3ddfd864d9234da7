"""NumPy's recipe: everything that determines the wheel's bytes. The hash of this folder is part of the cache's key."""
