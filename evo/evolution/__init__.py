"""Generations: the loop of a run, its records and its hall of fame."""
