"""The wiring rules of evolved genomes, read out: one analysis a file, each gives a Section."""
