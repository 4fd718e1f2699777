"""The innate test: behaviour without learning, against null models; and how many bits it takes."""
