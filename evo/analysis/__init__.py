"""Runs -> statements: innate test, genetics, connectomics, representations, history, comparisons, report."""
