"""What searches share: crossover and mutation, non-dominated sorting, the noise table, DEAP individuals."""
