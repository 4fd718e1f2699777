"""Analyses of the codes of neurons and layers, at birth and after the life."""
