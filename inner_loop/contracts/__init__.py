"""The contracts of rules, objectives, tasks and worlds as code."""
