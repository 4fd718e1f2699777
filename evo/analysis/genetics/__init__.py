"""Functions of single rules and genes of a genome: readings, knock-outs, dose-response, cross-fostering."""
