"""Parts that learning rules share."""
