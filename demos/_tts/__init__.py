"""The cells of the text-to-speech tab."""
