"""The cells of the MuseNet tab."""
