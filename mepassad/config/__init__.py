"""config.yaml: its keys, where each value came from, and errors with line and column."""
