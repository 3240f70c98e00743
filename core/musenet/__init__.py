"""A composer in the manner of MuseNet: GPT-2's blocks on tokens that name composer, instruments and notes."""
