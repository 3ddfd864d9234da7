"""Formulas as the text writes them, of functions that run in a faster form.

A reader who opens the code of an instrument sees the function of the same name here, and may run it in the place of the
fast one. A module has the name of the one with the fast functions, and uses only names that exist there. Tests hold the
two equal.
"""
