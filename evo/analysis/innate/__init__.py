"""The innate test: behaviour without learning against null models, and the number of genome bits that it needs."""
