"""Runs side by side over seeds and conditions."""
