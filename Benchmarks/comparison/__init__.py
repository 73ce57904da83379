"""Measures recap-bench in turns with the reference programs, and judges the result."""
