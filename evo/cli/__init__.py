"""The command `instinct`: a supervising parent and a driver; each group of verbs has its own file."""
