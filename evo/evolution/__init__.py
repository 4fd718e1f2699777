"""Generations: the loop of a run, the records of a run, and its hall of fame."""
