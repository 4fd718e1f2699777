"""The searches: ask and tell over explicit state. They know genomes and nothing else of the framework."""
