"""Music information retrieval: pitch (autocorrelation, YIN, pYIN, CREPE), onsets, tempo, beats. Import what you use."""
