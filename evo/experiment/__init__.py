"""What is evolved, as a value and as YAML: experiments, their components by name, sweeps."""
