"""One life: a network is measured at birth, learns, and is measured again. `__init__.pyi` lists the public names."""

from genomes.public import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
