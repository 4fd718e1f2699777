"""Evaluation of one cohort in this process: births, lives, measurements, and failures of individuals."""
