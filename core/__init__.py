"""Signal processing and models. Imports no gradio and starts no work at import."""
