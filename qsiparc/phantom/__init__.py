"""Brains made of formulas, for the tutorial and for tests: NumPy and SciPy alone.

``brain`` says what is where, ``atlas`` what it is called, ``maps`` what a scan would show of it,
and ``scan`` puts people on grids.
"""
