"""The ring of clusters: forward noising and the road back by the exact score."""
