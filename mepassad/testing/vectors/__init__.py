"""The published vectors of docs/protocol/vectors: what each layer makes of fixed inputs, by our own code.

`ours` are functions, `cases` their inputs; a layer is a module in each. `python -m mepassad.testing.vectors` writes the
files, `make gen` runs it.
"""
