"""Twins of objectives."""
