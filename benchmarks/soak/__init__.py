"""A long run through all that goes wrong at once: faults, a dead region, kill -9, and `--resume` after each."""
