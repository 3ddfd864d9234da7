"""One module for each diagram."""
