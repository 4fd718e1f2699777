"""Parts of development that several encodings share."""
