"""The questions of the benchmark suite, a module each."""
