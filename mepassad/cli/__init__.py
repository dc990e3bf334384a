"""The `mepassad` command: it works on files and needs no daemon."""
