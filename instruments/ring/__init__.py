"""The ring of clusters: forward noising, and sampling back with the exact score."""
