"""GPT-2, name by name after OpenAI's TensorFlow source: the network that MuseNet composes with."""
