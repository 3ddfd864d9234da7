"""Fewer steps: the exact consistency map, sampling with it, and students that need fewer passes than their teacher."""
