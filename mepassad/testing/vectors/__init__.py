"""The published vectors of docs/protocol/vectors: what each layer makes of fixed inputs, by our own code.

`ours` are functions, `cases` their inputs; a layer is a module in each, named as its file. A new one is listed in
`files.MODULES` and in the folder's README.md, and has a module in tests/vectors/second, written from its text alone.
`python -m mepassad.testing.vectors` writes the files, `make gen` runs it.
"""
