"""The cells of the tab `map`: one sound at the top, and everything that can be done to it."""
