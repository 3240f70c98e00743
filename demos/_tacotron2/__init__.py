"""The cells of the Tacotron 2 tab."""
