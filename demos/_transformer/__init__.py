"""The cells of the transformer tab."""
