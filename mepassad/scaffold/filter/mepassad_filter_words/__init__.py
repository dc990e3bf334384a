"""A plugin of mepassad: refuses messages that hold a word of a list."""
