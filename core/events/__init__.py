"""Acoustic events: a convolutional network on log-mels names what sounds, and shows where (arXiv:1512.04150)."""
