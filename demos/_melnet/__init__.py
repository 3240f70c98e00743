"""The cells of the MelNet tab."""
