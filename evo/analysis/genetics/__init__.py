"""What single rules and genes of a genome do: read out, knocked out, doubled, exchanged."""
