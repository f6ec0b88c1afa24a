"""The long statistics: `make bench` runs them and writes docs/benchmarks. The suite has the short ones."""
