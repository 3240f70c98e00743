"""Speaking with Tacotron 2: frames as they come, with the attention that led to them; then a vocoder.

    from core.tacotron2.sample import synthesize
    said = synthesize("Hello there.", vocoder="griffin-lim")
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from core import audio, postfilter
from core.audio import HOP_SAMPLES, SAMPLE_RATE_HZ, Synthesis
from core.errors import SamplingError
from core.tacotron2.checkpoints import content_based
from core.tacotron2.model import DROPOUT, Tacotron2
from core.text.tokens import BOUNDARY, END, MARKS, START, Tokens, table, tokens
from core.wavenet.model import WaveNet

__all__ = [
    "MODELS", "Step", "TacotronSynthesis", "decode", "joined", "limit", "load", "read", "sentences", "steps", "stream",
    "synthesize", "vocode",
]  # fmt: skip

# language and attention -> the shipped weights; those of content-based attention lie beside them
MODELS = {
    ("en", "location"): "tacotron2-english",
    ("en", "content"): "tacotron2-english",
    ("ko", "location"): "tacotron2-korean",
}
VOCODERS = ("wavenet", "griffin-lim")
VOCODER = "wavenet-vocoder"
STOP_AT = 0.5
MAX_SECONDS = 20.0  # a decoder that does not stop by itself is stopped here, or earlier: see `limit`
MAX_TOKENS = 120  # a longer sentence is cut at a comma or between two words: training knows no longer ones
SENTENCE_ENDS = ".?!"
PAUSES = ",;:-"


@dataclass(frozen=True, eq=False)
class Step:
    """One step of the decoder.

    frames: float32 [80, r], log-mel before the postnet.  weights: float32 [N], what it looked at.
    query: float32 [R], the decoder's state that asked.  stop: probability that the sentence ends here.
    number: from 0.  sentence: which one of the text.
    """

    frames: Tensor
    weights: Tensor
    query: Tensor
    stop: float
    number: int
    sentence: int = 0


@dataclass(frozen=True, eq=False)
class Decoded:
    """A sentence without its sound. S decoder steps, N tokens, F = S r frames.

    tokens: what was read.  mel, mel_before: float32 [80, F], after and before the postnet.
    alignment: float32 [S, N], rows sum to 1.  queries: float32 [S, R].  stop: float32 [S], probabilities.
    stopped: whether the network ended the sentence by itself, and not the limit.
    """

    tokens: Tokens
    mel: Tensor
    mel_before: Tensor
    alignment: Tensor
    queries: Tensor
    stop: Tensor
    stopped: bool


@dataclass(frozen=True, eq=False)
class TacotronSynthesis(Synthesis):
    """A text with all that led to its sound; several sentences stand one behind the other.

    tokens: of all sentences, N together.  mel, mel_before: float32 [80, F], after and before the postnet.
    alignment: float32 [S, N], rows sum to 1, zero outside of a step's own sentence.  stop: float32 [S], probabilities.
    stopped: whether the network ended every sentence by itself, and not the limit.
    sentences: one by one.
    """

    tokens: Tokens
    mel: Tensor
    mel_before: Tensor
    alignment: Tensor
    stop: Tensor
    stopped: bool
    sentences: tuple[Decoded, ...]


def load(language: str = "en", attention: str = "location") -> Tacotron2:
    """The shipped network for a language.

    Raises:
        SamplingError: no network of that kind is shipped.  WeightsError: it is missing or damaged.
    """
    from core import weights

    if (language, attention) not in MODELS:
        known = ", ".join(" ".join(pair) for pair in MODELS)
        raise SamplingError(
            f"No Tacotron 2 is shipped for {language!r} with {attention!r} attention; there are: {known}."
        )
    model = cast(Tacotron2, weights.load(MODELS[language, attention]))
    return content_based(model) if attention == "content" else model


def read(text: str, model: Tacotron2) -> list[Tokens]:
    """The text in the table of a network, a sentence at a time.

    Raises:
        TextError: as `core.text.tokens.tokens`.
    """
    return sentences(tokens(text, model.config.language, unit=model.config.unit))


def sentences(text: Tokens, *, longest: int = MAX_TOKENS) -> list[Tokens]:
    """Cut after marks that end a sentence; what is too long for the network, at a pause or between words.

    Every part begins and ends as a text of its own would, with a mark before its end: without one the network, which
    never read such a sentence, may not stop.

    Args:
        longest: tokens of a part.
    """
    body = [i for i, symbol in enumerate(text.symbols) if symbol not in (START, END)]
    parts: list[list[int]] = [[]]
    for i in body:
        parts[-1].append(i)
        if text.symbols[i] in SENTENCE_ENDS:
            parts.append([])
    cut = [piece for part in parts for piece in _short(part, text, longest)]
    return [_framed(part, text) for part in cut if any(_is_sound(text.symbols[i]) for i in part)]


def _short(part: list[int], text: Tokens, longest: int) -> list[list[int]]:
    """Parts of at most `longest` tokens, cut at the last pause that leaves a third of it, else at the last space."""
    out = []
    while len(part) > longest:
        places = range(longest // 3, longest)
        pauses = [k for k in places if text.symbols[part[k]] in PAUSES]
        spaces = [k for k in places if text.symbols[part[k]] == BOUNDARY]
        at = (pauses or spaces or [longest - 1])[-1] + 1
        out.append(part[:at])
        part = part[at:]
    return [*out, part]


def _framed(part: list[int], text: Tokens) -> Tokens:
    symbols = table(text.language, text.unit)
    while part and text.symbols[part[0]] == BOUNDARY:
        part = part[1:]
    while part and text.symbols[part[-1]] == BOUNDARY:
        part = part[:-1]
    first, last = text.spans[part[0]][0], text.spans[part[-1]][1]
    kept = [(text.symbols[i], text.spans[i]) for i in part]
    if kept[-1][0] not in MARKS:
        whole = text.symbols[-2] not in MARKS and text.spans[-2][1] == last  # the writer left the full stop out
        kept.append(("." if whole else ",", (last, last)))
    if START in text.symbols:
        kept.insert(0, (START, (first, first)))
    kept.append((END, (last, last)))
    return Tokens(
        tuple(symbols.index(s) for s, _ in kept), tuple(s for s, _ in kept), tuple(p for _, p in kept),
        text.language, text.unit,
    )  # fmt: skip


def _is_sound(symbol: str) -> bool:
    return symbol not in MARKS and symbol not in (BOUNDARY, "(", ")", "'")


def joined(parts: Sequence[Tokens]) -> Tokens:
    """One behind the other, as they stand."""
    first = parts[0]
    return Tokens(
        tuple(i for part in parts for i in part.ids), tuple(s for part in parts for s in part.symbols),
        tuple(p for part in parts for p in part.spans), first.language, first.unit,
    )  # fmt: skip


def limit(text: Tokens) -> float:
    """Seconds after which a decoder of this text is stopped: three times as long as it should take."""
    return min(MAX_SECONDS, 2.0 + 0.25 * len(text))


@torch.no_grad()
def steps(
    text: Tokens, *, model: Tacotron2, seed: int = 0, prenet_dropout: float = DROPOUT, max_seconds: float | None = None,
) -> Iterator[Step]:  # fmt: skip
    """The decoder's steps for one sentence as they come, until it stops by itself or `max_seconds` are reached.

    Args:
        text: in the table of the model's language and unit.  seed: of the prenet's dropout.
        max_seconds: of sound; None for `limit`.
    Raises:
        SamplingError: another table than the model's, an option out of range.
    """
    if (text.language, text.unit) != (model.config.language, model.config.unit):
        raise SamplingError(
            f"This voice reads {model.config.language} {model.config.unit}, not {text.language} {text.unit}."
        )
    max_seconds = limit(text) if max_seconds is None else max_seconds
    if not 0 <= prenet_dropout < 1 or not 0 < max_seconds <= 120:
        raise SamplingError("The prenet's dropout lies in [0, 1), and the limit in (0, 120] seconds.")
    own = torch.Generator().manual_seed(seed).get_state()
    most = int(max_seconds * SAMPLE_RATE_HZ / (HOP_SAMPLES * model.config.frames_per_step))
    state = model.begin(torch.tensor([text.ids]))
    for number in range(most):
        was = torch.random.get_rng_state()
        torch.random.set_rng_state(own)  # the prenet's dropout draws from the seed, whatever else is drawn meanwhile
        try:
            frames, stop, looked = model.step(state, prenet_dropout=prenet_dropout)
            own = torch.random.get_rng_state()
        finally:
            torch.random.set_rng_state(was)
        probability = float(torch.sigmoid(stop[0]))
        yield Step(frames[0], looked[0], state.attention_rnn[0][0], probability, number)
        if probability > STOP_AT:
            return


def gathered(text: Tokens, made: Sequence[Step], model: Tacotron2) -> Decoded:
    """Steps of one sentence as one, through the postnet."""
    before = torch.cat([step.frames for step in made], dim=1)
    with torch.no_grad():
        after = model.refine(before[None])[0]
    stop = torch.tensor([step.stop for step in made])
    return Decoded(
        text, after, before, torch.stack([step.weights for step in made]), torch.stack([step.query for step in made]),
        stop, bool(stop[-1] > STOP_AT),
    )  # fmt: skip


def decode(text: Tokens, *, model: Tacotron2, seed: int = 0, prenet_dropout: float = DROPOUT,
           max_seconds: float | None = None) -> Decoded:  # fmt: skip
    """All steps of one sentence; arguments and errors as those of `steps`."""
    made = list(steps(text, model=model, seed=seed, prenet_dropout=prenet_dropout, max_seconds=max_seconds))
    return gathered(text, made, model)


@functools.cache
def _wavenet() -> WaveNet:
    from core import weights

    return cast(WaveNet, weights.load(VOCODER))


def vocode(mel: Tensor, *, vocoder: str = "wavenet", seed: int = 0, wavenet: WaveNet | None = None) -> Tensor:
    """A sound [T] from a mel [80, F]: by our WaveNet and its post-filter, or by Griffin-Lim.

    Args:
        wavenet: a network that is there already; else the shipped one is loaded, once.
    Raises:
        SamplingError: another vocoder.  MelError: as the vocoder's.
    """
    if vocoder not in VOCODERS:
        raise SamplingError(f"The vocoder is one of {', '.join(VOCODERS)}, got {vocoder!r}.")
    if vocoder == "griffin-lim":
        return audio.griffin_lim(mel, seed=seed).clamp(-1, 1)
    from core.wavenet import generate
    from core.wavenet.examples import TEMPERATURE

    codes = generate(wavenet or _wavenet(), mel=mel[None], seed=seed, temperature=TEMPERATURE)
    return postfilter.correct(audio.mu_law_decode(codes[0]), mel).clamp(-1, 1)


def stream(text: str, language: str = "en", *, attention: str = "location", seed: int = 0,
           prenet_dropout: float = DROPOUT, model: Tacotron2 | None = None) -> Iterator[Step]:  # fmt: skip
    """The decoder's steps for a text as they come, sentence by sentence.

    Args:
        text: at most 600 characters.  language: "en" or "ko".  attention: "location" or "content".
        model: a network that is there already; else the shipped one is loaded.
    Raises:
        TextError: nothing that can be said.  SamplingError: an option out of range.  WeightsError: no weights.
    """
    network = load(language, attention) if model is None else model
    for number, part in enumerate(read(text, network)):
        for step in steps(part, model=network, seed=seed, prenet_dropout=prenet_dropout):
            yield replace(step, sentence=number)


def synthesize(text: str, language: str = "en", *, vocoder: str = "wavenet", attention: str = "location",
               seed: int = 0, prenet_dropout: float = DROPOUT,
               model: Tacotron2 | None = None) -> TacotronSynthesis:  # fmt: skip
    """Say a text: tokens, a mel by Tacotron 2, its sound by a vocoder.

    Source: Shen et al. 2018 (arXiv:1712.05884), sections 2.2 and 2.3.

    Args:
        text: at most 600 characters.  language: "en" or "ko".
        vocoder: "wavenet", our own with its post-filter, or "griffin-lim".
        attention: "location", or "content" for one that does not know where it has looked.
        seed: of the prenet's dropout and of the vocoder.
        model: a network that is there already; else the shipped one is loaded.
    Returns:
        TacotronSynthesis; look at `stopped` before trusting its end.
    Raises:
        TextError: nothing that can be said.  SamplingError: an option out of range.  WeightsError: no weights.
    Differs from the paper: phones in place of letters; a text of several sentences is said one by one.
    """
    network = load(language, attention) if model is None else model
    parts = [decode(part, model=network, seed=seed, prenet_dropout=prenet_dropout) for part in read(text, network)]
    mel = torch.cat([part.mel for part in parts], dim=1)
    return TacotronSynthesis(
        vocode(mel, vocoder=vocoder, seed=seed), SAMPLE_RATE_HZ, joined([part.tokens for part in parts]), mel,
        torch.cat([part.mel_before for part in parts], dim=1), torch.block_diag(*(part.alignment for part in parts)),
        torch.cat([part.stop for part in parts]), all(part.stopped for part in parts), tuple(parts),
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--language", choices=("en", "ko"), default="en")
    parser.add_argument("--vocoder", choices=VOCODERS, default="wavenet")
    parser.add_argument("--attention", choices=("location", "content"), default="location")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("speech.wav"))
    options = parser.parse_args(arguments)
    said = synthesize(
        options.text, options.language, vocoder=options.vocoder, attention=options.attention, seed=options.seed
    )
    options.out.write_bytes(said.wav())
    ended = "stopped by itself" if said.stopped else "did not stop by itself"
    print(f"{said.seconds:.2f} s, {len(said.stop)} steps for {len(said.tokens)} tokens, {ended}: {options.out}")


if __name__ == "__main__":
    main()
