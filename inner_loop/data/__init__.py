"""Labelled data: files, labels, scales, splits."""
