"""Operators shared by searches: crossover and mutation, non-dominated sorting, the noise table, DEAP individuals."""
