"""Checks of a wheel before it is used; `basic.py` and `suite.py` run in Pyodide."""
