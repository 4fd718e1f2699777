"""What is inherited, and how it grows into a network. Its public names are listed in `__init__.pyi`."""

from genomes.public import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
