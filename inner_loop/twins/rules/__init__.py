"""Twins of rules, each beside the rule of the same name in `inner_loop/rules`."""
