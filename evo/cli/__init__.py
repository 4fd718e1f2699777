"""The command `instinct`: a supervising parent and a driver, one file a group of verbs."""
