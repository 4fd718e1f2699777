"""The contracts of rules, objectives, tasks and worlds, written as code."""
