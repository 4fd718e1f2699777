"""Analyses of the wiring that a genome unfolds into, as a graph and against null models."""
