"""Speech enhancement: a voice out of noise, by a mask on the spectrogram, as the sound comes in."""
