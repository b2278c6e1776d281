"""The benchmark: `make bench` runs it and writes RESULTS.md."""
