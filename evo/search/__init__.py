"""The searches: ask and tell over explicit state. Of the framework they import only `genomes`."""
