"""How a run evolved: scores, diversity, lineages, alleles over its generations."""
