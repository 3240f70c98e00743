"""Us and the peers in one run, as ratios: python -m benchmarks.<topic>."""
