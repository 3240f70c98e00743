"""VQ-VAE and argmax autoencoder for speech: discrete codes, a shared WaveNet decoder, a prior, two levels."""
