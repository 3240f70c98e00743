"""A Transformer small enough to read: one layer of attention on sentences of some fifty words, English and Korean."""
