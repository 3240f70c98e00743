"""Tags and genre of music: musicnn (arXiv:1909.06654), rewritten, with its evidence over time."""
