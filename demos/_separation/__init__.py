"""The cells of the source separation tab."""
