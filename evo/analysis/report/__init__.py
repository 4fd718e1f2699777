"""What analyses found, as sections of one page: sentences, tables, pictures and graphs."""
