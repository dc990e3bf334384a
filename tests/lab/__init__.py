"""A small network of namespaces on one machine, for tests that take links down and move hosts."""
