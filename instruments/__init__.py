"""The instruments, one folder each. A folder with a `component.py` is an instrument: there is no other registry."""
