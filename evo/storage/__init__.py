"""Storage that survives a crash: run folders, journals, archives, locks, object stores. It imports no experiment."""
