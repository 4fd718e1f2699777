"""Experiments as values and as YAML: their components by name, and sweeps."""
