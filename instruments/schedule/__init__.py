"""Noise schedules side by side: when each of them destroys the same data with the same noise, and what that costs."""
