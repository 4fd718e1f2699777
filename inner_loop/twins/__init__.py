"""Compiled lives: what twins of rules, objectives, worlds and unit models are written with, and what runs them."""
