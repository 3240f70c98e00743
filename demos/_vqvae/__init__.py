"""The cells of the VQ-VAE tab."""
