"""Transformers on notes: attention, absolute and relative position, the Music Transformer (arXiv:1809.04281)."""
