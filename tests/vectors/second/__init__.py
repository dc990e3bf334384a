"""A second implementation of the protocol, written from docs/protocol alone: it knows nothing of mepassad's code.

A module a layer, a function a group of the published vectors. It is slow and holds no state; it only shows that the
texts say enough.
"""
