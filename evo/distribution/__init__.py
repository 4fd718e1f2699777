"""Evaluation of many cohorts in this process or on Ray: executors, the dispatcher, user modules on workers."""
