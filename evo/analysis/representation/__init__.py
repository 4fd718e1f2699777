"""What neurons and layers represent, at birth and after the life."""
