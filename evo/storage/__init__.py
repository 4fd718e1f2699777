"""Bytes that survive a crash: run folders, journals, archives, locks, object stores. Storage knows no experiment."""
