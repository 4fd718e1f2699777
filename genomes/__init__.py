"""Genomes, and their growth into networks. `__init__.pyi` lists the public names of this package."""

from genomes.public import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
