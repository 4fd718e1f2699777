"""Analyses of runs: innate test, genetics, connectomics, representations, history, comparisons, report."""
