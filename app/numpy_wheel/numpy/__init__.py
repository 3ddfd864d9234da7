"""NumPy's recipe: all that decides the wheel's bytes is here, and the folder's hash is in the cache's key."""
