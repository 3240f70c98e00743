"""A Tacotron 2 small enough for a unit test, with random weights, and a sentence whose phones have their times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from core.tacotron2.model import PRESETS, Tacotron2
from core.text import english
from core.text.alignment import Alignment, Segment
from core.text.tokens import table

TEXT = "Yes, the cat sat."
SMALL = replace(
    PRESETS["small"], embedding=32, prenet=32, attention_rnn=48, decoder_rnn=48, attention_size=24, location_filters=8,
    postnet_channels=24,
)  # fmt: skip


def network(*, stop_bias: float, **config: Any) -> Tacotron2:
    """One that reads English phones. stop_bias: at -5 it never stops by itself."""
    torch.manual_seed(0)
    model = Tacotron2(replace(SMALL, symbols=len(table("en", "phones")), **config)).eval()
    torch.nn.init.constant_(model.stop.bias, stop_bias)
    return model


def spoken(text: str = TEXT, *, pause_s: float = 0.3, phone_s: float = 0.1) -> Alignment:
    """The text as if every phone lasted as long, with a pause after the first word."""
    words = tuple(english.words(text))
    segments, now = [Segment("SIL", 0.0, 0.25, -1)], 0.25
    for i, word in enumerate(words):
        for phone in word.phones:
            segments.append(Segment(phone, now, now + phone_s, i))
            now += phone_s
        if i == 0:
            segments.append(Segment("SIL", now, now + pause_s, -1))
            now += pause_s
    return Alignment(words, (*segments, Segment("SIL", now, now + 0.5, -1)))
