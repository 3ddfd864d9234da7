"""Checks of a wheel before it is used: what runs in Pyodide is in `basic.py` and `suite.py`."""
