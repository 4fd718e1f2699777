"""Analyses of how a run evolved: scores, diversity, lineages and alleles over its generations."""
