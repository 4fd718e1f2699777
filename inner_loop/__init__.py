"""One life: measured at birth, learning, measured again. Of genomes it knows topology, chance, phenotype and spec."""
