"""Compiled lives: what twins of components are written with, and what runs them. `__init__.pyi` lists public names."""

from genomes.public import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
