"""A plugin of mepassad: a store that keeps all rows in memory, and each change of them on disk."""
