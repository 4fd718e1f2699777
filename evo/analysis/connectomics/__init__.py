"""The wiring that a genome unfolds into, as a graph against null models."""
