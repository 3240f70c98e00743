"""Measure discrete autoencoders on held-out sentences, and write what was measured into their cards.

    python -m core.vqvae.measure vqvae-speech
    python -m core.vqvae.measure vqvae-speech --voices PATH            # also a voice that was never trained on
    python -m core.vqvae.measure vqvae-speech --run runs/vqvae-wave/vqvae_speech --write

Use of the codes: over the 60 held-out recordings of assets/audio/held_out. Everything that is heard: over the six of
assets/audio, said by the speaker herself, with the shared WaveNet at temperature 0.7, its bands brought to the frames'
levels by the post-filter, beside Griffin-Lim from the same frames. Conversion: the six, said by each other speaker.
Priors, second levels and the decoder have measures of their own, with the same command.
STOI, PESQ and the recogniser come from packages of tests/requirements.txt; without one its rows are left out.
"""

from __future__ import annotations

import argparse
import functools
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core import audio, held_out, recognition_metrics, speech_metrics, weights
from core.errors import AudioError, PackageError
from core.vqvae import cards, conversion, data, hierarchy, prior, sample
from core.vqvae.model import VQVAE
from core.vqvae.quantiser import perplexity
from core.vqvae.sample import Coder
from core.wavenet.model import WaveNet
from core.wavenet.train import bits_per_sample

SOUNDS = Path(__file__).resolve().parents[2] / "assets/audio"
SIX, SIXTY = "6 held-out sentences", "60 held-out sentences"
PIECES, PIECE_S = 8, 8.0  # of piano
UNSEEN = 12  # sentences of each unseen voice
Row = tuple[str, float, str]  # name, value, split


@dataclass(frozen=True, eq=False)
class Sentence:
    """A held-out sentence: what is said, audio float32 [T], levelled."""

    text: str
    audio: Tensor


@functools.lru_cache(maxsize=1)
def six() -> list[Sentence]:
    """The recordings of assets/audio."""
    texts = held_out.sentences()
    paths = sorted(SOUNDS.glob("kathleen_b0*.flac"))
    return [Sentence(texts[path.stem.removeprefix("kathleen_")], audio.load_voice(path)) for path in paths]


@functools.lru_cache(maxsize=1)
def sixty() -> list[Tensor]:
    """The mels [80, F] of all held-out sentences, as they are shipped."""
    return [audio.mel(held_out.load(prompt)) for prompt in held_out.sentences()]


def use(front: VQVAE) -> list[Row]:
    """How many bits there are in the codes, and how many codes are used."""
    codes = torch.cat([front.encode(mel[None])[0] for mel in sixty()])
    size, rate = front.config.codes, front.config.codes_per_s
    busy = float(perplexity(codes, size))
    return [
        ("bits a second, nominal", math.log2(size) * rate, ""),
        ("bits a second, entropy of single codes", math.log2(busy) * rate, SIXTY),
        ("perplexity of the codes", busy, SIXTY),
        ("codes never used", float((torch.bincount(codes, minlength=size) == 0).sum()), SIXTY),
    ]


def frames_db(front: VQVAE) -> Row:
    """Log-mel distance of the frames to the recordings'."""
    found = []
    for one in six():
        mel = audio.mel(one.audio)
        said = front.frames(front.encode(mel[None]))[0, :, : mel.shape[1]]
        found.append(speech_metrics.mel_distance_db(mel, said))
    return ("log-mel distance of the frames (dB)", statistics.mean(found), SIX)


def heard(
    coder: Coder, *, name: str, speak: Callable[[Tensor], Tensor], sentences: Sequence[Sentence]
) -> list[Row]:
    """STOI, PESQ, pitch and recognition of what one way of speaking makes of the codes."""
    pairs = []
    for one in sentences:
        said = speak(coder.encode(one.audio))
        count = min(len(said), len(one.audio))
        pairs.append((one.audio[:count], said[:count]))
    split = f"{len(sentences)} held-out sentences"
    scores: dict[str, Callable[[], float]] = {
        "STOI": lambda: statistics.mean(speech_metrics.stoi(x, y) for x, y in pairs),
        "PESQ (wide-band)": lambda: statistics.mean(speech_metrics.pesq_wideband(x, y) for x, y in pairs),
        "log-mel distance (dB)": lambda: statistics.mean(
            speech_metrics.log_mel_distance_db(x, y) for x, y in pairs
        ),
        "gross pitch error": lambda: statistics.mean(speech_metrics.gross_pitch_error(x, y) for x, y in pairs),
        "character error of a recogniser": lambda: understood(
            [one.text for one in sentences], [y for _, y in pairs]
        ),
    }
    return [(f"{metric}, {name}", value, split) for metric, score in scores.items() for value in known(score)]


def understood(texts: Sequence[str], sounds: Sequence[Tensor]) -> float:
    """The recogniser's character error over all the sounds."""
    wanted = [recognition_metrics.as_read(text) for text in texts]
    return recognition_metrics.corpus_character_error(wanted, [recognition_metrics.recognise(x) for x in sounds])


def known(score: Callable[[], float]) -> list[float]:
    """The score, or nothing where its package is not installed or the sound has nothing for it."""
    try:
        return [score()]
    except (PackageError, AudioError) as error:
        print(error)
        return []


def converted(coder: Coder) -> list[Row]:
    """Said by each other speaker: pitch and mean spectrum against that speaker's own."""
    there, rows = conversion.portraits(), []
    source = there[coder.speakers[0]]
    for name in coder.speakers[1:]:
        said = [coder.speak(coder.encode(one.audio), name).audio for one in six()]
        for found in portraits_of(said):
            rows += [
                (f"median F0 (Hz), said by {name}, who has {there[name].f0_hz:.0f}", found.f0_hz, SIX),
                (f"mean spectrum's distance (dB), said by {name}, to {name}",
                 conversion.distance_db(found, there[name]), SIX),
                (f"mean spectrum's distance (dB), said by {name}, to {coder.speakers[0]}",
                 conversion.distance_db(found, source), SIX),
            ]  # fmt: skip
        texts = [one.text for one in six()]
        rows += [(f"character error of a recogniser, said by {name}", value, SIX)
                 for value in known(functools.partial(understood, texts, said))]  # fmt: skip
    return rows


def portraits_of(sounds: Sequence[Tensor]) -> list[conversion.Portrait]:
    """The portrait, or nothing where nothing is voiced."""
    try:
        return [conversion.portrait(sounds)]
    except AudioError as error:
        print(error)
        return []


def measure_front(coder: Coder, *, full: bool = True) -> list[Row]:
    """Every number of an autoencoder's card."""
    rows = [*use(coder.front), frames_db(coder.front)]
    rows += heard(coder, name="WaveNet", speak=lambda codes: coder.speak(codes).audio, sentences=six())
    rows += heard(coder, name="Griffin-Lim", speak=coder.preview, sentences=six())
    if full:
        rows += heard(coder, name="WaveNet as drawn", sentences=six(),
                      speak=lambda codes: coder.speak(codes, correct=False).audio)  # fmt: skip
        rows += converted(coder)
        own = known(lambda: understood([one.text for one in six()], [one.audio for one in six()]))
        rows += [("character error of a recogniser, recordings", value, SIX) for value in own]
    return rows


def measure_unseen(coder: Coder, folder: Path) -> list[Row]:
    """A voice that nothing was trained on, said by itself (recordings), the first speaker and the last one."""
    texts = dict(line.split("|")[:2] for line in (folder / "metadata.csv").read_text().splitlines())
    sentences = [Sentence(texts[u.recording.name], u.recording.audio) for u in data.unseen(folder, limit=UNSEEN)]
    rows, split = [], f"{len(sentences)} sentences of an unseen man"
    for who in ("recordings", coder.speakers[0], coder.speakers[-1]):
        said = [one.audio if who == "recordings" else coder.speak(coder.encode(one.audio), who).audio
                for one in sentences]  # fmt: skip
        spoken = who if who == "recordings" else f"said by {who}"
        rows += [(f"character error of a recogniser, {spoken}", value, split)
                 for value in known(functools.partial(understood, [one.text for one in sentences], said))]  # fmt: skip
        if who != "recordings":
            score = [speech_metrics.stoi(s.audio[: len(y)], y[: len(s.audio)]) for s, y in zip(sentences, said)]
            rows.append((f"STOI, {spoken}", statistics.mean(score), split))
    return rows


def measure_prior(model: WaveNet, front: VQVAE) -> list[Row]:
    """Bits a code on the held-out sentences."""
    codes = [front.encode(mel[None])[0] for mel in sixty()]
    bits = prior.evaluate(model, codes)["held_out_bits_per_code"]
    return [
        ("bits a code", bits, SIXTY),
        ("bits a code if all are equally likely", math.log2(front.config.codes), SIXTY),
        ("bits a second", bits * front.config.codes_per_s, SIXTY),
    ]


def measure_counting(front: VQVAE, options: argparse.Namespace) -> list[Row]:
    """What counting the training part's codes, alone and in pairs, gives instead of a prior."""
    utterances = data.load(options.data, options.voices, speakers=front.config.speakers)
    trained = [one[0] for one in prior.coded(front, utterances)]
    held = [front.encode(mel[None])[0] for mel in sixty()]
    alone, pairs = (prior.frequencies_bits(trained, held, front.config.codes, order=order) for order in (0, 1))
    split = f"{SIXTY}, counted on the training part"
    return [("bits a code by counting", alone, split), ("bits a code by counting pairs", pairs, split)]


def measure_second(model: hierarchy.SecondLevel, front: VQVAE) -> list[Row]:
    """Bits of both levels on the held-out sentences, and how the second one is used."""
    ratio, pairs = model.config.ratio, []
    for mel in sixty():
        codes = front.encode(mel[None])[0]
        codes = codes[: len(codes) // ratio * ratio]
        pairs.append((codes, front.quantiser.embed(codes[None])[0].detach()))
    found = hierarchy.evaluate(model, pairs)
    names = {
        "held_out_bits_level1_given_level2": "bits a code of level 1, given level 2",
        "held_out_bits_level2": "bits a code of level 2",
        "held_out_bits_per_code_both": "bits a code of level 1, both levels together",
        "held_out_perplexity": "perplexity of level 2",
        "held_out_dead": "codes of level 2 never used",
    }
    rate = front.config.codes_per_s / ratio
    nominal = ("bits a second of level 2, nominal", math.log2(model.config.codes) * rate, "")
    return [nominal, *((label, found[key], SIXTY) for key, label in names.items())]


def measure_decoder(model: WaveNet) -> list[Row]:
    """Bits a sample given the recordings' mels, and given what codes make of them; the recording sets the clock."""
    from core.wavenet import data as recordings
    from core.wavenet import pitch_train

    found = []
    conditions: dict[str, Callable[[Tensor], Tensor]] = {"recordings' mels": lambda mel: mel}
    for name in cards.FULL:
        if name in weights.names():
            front = sample.load(name).front
            conditions[f"codes of {name}"] = lambda mel, front=front: front.frames(front.encode(mel))  # type: ignore[misc]
    for label, frames in conditions.items():
        bits, count = 0.0, 0
        for path in sorted(SOUNDS.glob("kathleen_b0*.flac")):
            one = pitch_train.clocked(recordings.read(path), model.config)
            mel = frames(one.mel[None, :80])[..., : one.mel.shape[1]]
            condition = torch.cat([mel, one.mel[None, 80:]], dim=1)
            with torch.no_grad():
                bits += float(bits_per_sample(model, one.codes.long()[None], condition)) * len(one.codes)
            count += len(one.codes)
        found.append((f"bits a sample, given {label}", bits / count, SIX))
    return found


def chroma_agreement(x: Tensor, y: Tensor) -> float:
    """Are the same notes heard? The mean cosine of the two sounds' chroma, moment by moment, where x is not silent.

    Args:
        x, y: float [T] at 16 kHz, of about one length.
    """
    import librosa
    import numpy as np

    a, b = (librosa.feature.chroma_cqt(y=s.numpy(), sr=audio.SAMPLE_RATE_HZ, hop_length=512, norm=None) for s in (x, y))
    count = min(a.shape[1], b.shape[1])
    a, b = a[:, :count], b[:, :count]
    on = np.linalg.norm(a, axis=0) > 0.05 * np.linalg.norm(a, axis=0).max()
    cosine = (a * b).sum(axis=0) / (np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0) + 1e-9)
    return float(cosine[on].mean())


def measure_piano(coder: Coder, folder: Path) -> list[Row]:
    """A piano's card: use of the codes, and what is kept of the notes, on pieces never trained on."""
    from core.wavenet import data as recordings

    pieces = [one.audio for one in recordings.load(folder, held_out=True)][:PIECES]
    heads = [x[: round(PIECE_S * audio.SAMPLE_RATE_HZ)] for x in pieces]
    split = f"{len(pieces)} held-out piano pieces"
    codes = torch.cat([coder.encode(x) for x in pieces])
    size = coder.front.config.codes
    rows: list[Row] = [
        ("bits a second, nominal", coder.bits_per_s, split),
        ("perplexity of the codes", float(perplexity(codes, size)), split),
        ("codes never used", float((torch.bincount(codes, minlength=size) == 0).sum()), split),
    ]
    split += f", {PIECE_S:g} s of each"
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "WaveNet": lambda x: coder.speak(coder.encode(x)).audio,
        "Griffin-Lim": lambda x: coder.preview(coder.encode(x)),
        "Griffin-Lim from the recordings' mels": lambda x: audio.griffin_lim(audio.mel(x)),
    }  # fmt: skip
    for label, way in ways.items():
        pairs = [(x[: len(y)], y[: len(x)]) for x in heads for y in (way(x),)]
        rows.append((f"chroma agreement, {label}", statistics.mean(chroma_agreement(x, y) for x, y in pairs), split))
        distance = statistics.mean(speech_metrics.log_mel_distance_db(x, y) for x, y in pairs)
        rows.append((f"log-mel distance (dB), {label}", distance, split))
    others = [chroma_agreement(x, y) for x, y in zip(heads, heads[1:] + heads[:1])]
    return [*rows, ("chroma agreement, another piece", statistics.mean(others), split)]


def measure_piano_decoder(model: WaveNet, folder: Path) -> list[Row]:
    """Bits a sample given the recordings' mels, on pieces never trained on."""
    from core.wavenet import data as recordings

    bits, count = 0.0, 0
    for one in recordings.load(folder, held_out=True)[:PIECES]:
        codes, mel = one.codes[: 5 * audio.SAMPLE_RATE_HZ].long()[None], one.mel[None]
        with torch.no_grad():
            bits += float(bits_per_sample(model, codes, mel)) * codes.shape[1]
        count += codes.shape[1]
    return [("bits a sample, given recordings' mels", bits / count, f"{PIECES} held-out piano pieces, 5 s of each")]


def measure(name: str, model: Any, options: argparse.Namespace) -> list[Row]:
    """The rows of any of the weights that begin with vqvae-."""
    if cards.is_piano(name):
        if options.data is None:
            raise SystemExit("Say where rendered pieces are: --data (python -m core.melnet.piano makes them).")
        if isinstance(model, VQVAE):
            return measure_piano(Coder(name, model, sample.wavenet(model.config.decoder)), options.data)
        return measure_piano_decoder(model, options.data)
    if isinstance(model, hierarchy.SecondLevel):
        return measure_second(model, sample.load(model.config.front).front)
    if isinstance(model, VQVAE):
        coder = Coder(name, model, sample.wavenet(model.config.decoder))
        return measure_front(coder, full=name in cards.FULL) + (
            measure_unseen(coder, options.voices) if options.voices else []
        )
    if name.startswith("vqvae-prior"):
        front = sample.load(cards.FRONT_OF[name]).front
        return measure_prior(model, front) + (measure_counting(front, options) if options.data else [])
    return measure_decoder(model)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="name in assets/weights")
    parser.add_argument("--run", type=Path, help="measure the averaged weights of this training run instead")
    parser.add_argument(
        "--write", action="store_true", help="with --run: ship them and write the card; else renew it"
    )
    parser.add_argument("--voices", type=Path, help="TSP's voices: also measure the one that was never trained on")
    parser.add_argument("--data", type=Path, help="for priors: Kathleen, to compare with counting codes; for piano: "
                        "what core.melnet.piano has rendered")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.run:
        model, state = cards.of_run(options.name, options.run)
        if options.write:
            cards.ship(options.name, model, state, [])
    if options.write or not options.run:
        model = weights.load(options.name)  # as it is stored
    found = measure(options.name, model, options)
    for label, value, split in found:
        print(f"{label:70s} {value:10.3f}   {split}", flush=True)
    if options.write:
        print(weights.renew(options.name, cards.rows(options.name, found)))


if __name__ == "__main__":
    main()
