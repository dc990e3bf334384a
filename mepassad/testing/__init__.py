"""What plugin authors test with: contract suites, a manual clock, nodes in one process."""
