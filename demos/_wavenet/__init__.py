"""The cells of the WaveNet tab, one module each, in the order of `demos/wavenet.py`."""
