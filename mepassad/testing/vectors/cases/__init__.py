"""The inputs of the vectors, a module a layer: `cases` adds them to a book, `TEXT` is the text that they are of."""
