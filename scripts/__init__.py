"""What `make` runs: generators, the demo, and the search for checks that no test notices."""
