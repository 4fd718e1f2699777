"""Reports of analyses: sections with sentences, tables, pictures and graphs, on one page and in files."""
