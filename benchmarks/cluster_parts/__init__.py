"""The parts of benchmarks/cluster.py: one file measures one thing."""
