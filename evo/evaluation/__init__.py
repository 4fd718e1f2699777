"""One cohort, evaluated here: births, lives, measurements, and the faults of individuals."""
