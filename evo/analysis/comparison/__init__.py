"""Comparison of runs over seeds and conditions."""
