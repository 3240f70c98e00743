"""Measure the recogniser on speakers and sentences that it has never heard, beside pocketsphinx, and ship a run.

    python -m core.recognition.measure --data PATH/kathleen --voices PATH/tsp_harvard --digits PATH/fsdd
        --prompts PATH/sounds --prompt-texts PATH/transcripts.csv --noise PATH/urbansound8k PATH/everything-is-free
    … --run runs/recognition-english --texts PATH/books --quiet PATH/noise_esc10 PATH/everything-is-free --write

Word and character errors (jiwer) in percent: of the network with greedy decoding, with a beam, with the beam and the
language model of letters; of pocketsphinx with its US English model. Digits have a grammar, too: both are told that
nothing but digits is said. Confidence: which share of speech is believed, and of other sounds is not. --run ships a
training run: its language model is made of the training's transcripts and of --texts; its confidence is set with the
watched sentences and the sounds of --quiet that the training never had.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from core import audio, weights
from core.packages import imported
from core.recognition import calibrate, cards, data, train
from core.recognition.beam import beam
from core.recognition.data import DIGITS, Utterance
from core.recognition.language import Words
from core.recognition.model import Recogniser
from core.recognition.sample import BEAM, BONUS, SURE, WEIGHT, confidence, greedy, posteriors
from core.recognition_metrics import recognise as pocketsphinx
from core.voice_metrics import Metric, show

TABLE = Path(__file__).resolve().parents[2] / "assets/tables/recognition.json"
WORD_PENALTY = 1e-4  # probability of another digit, for pocketsphinx with a grammar: better than its own
ALONE = 5  # recordings of each digit by each unseen speaker that are heard alone: FSDD's own test set
WAYS = ("network, greedy", "network, beam", "network, beam and letters", "pocketsphinx")
DIGIT_WAYS = ("network, greedy", "network, digits only", "pocketsphinx", "pocketsphinx, digits only")


def digit_sounds(folder: Path, *, limit: int | None = None) -> tuple[list[Utterance], list[Utterance]]:
    """Of the unseen speakers: single digits, and strings of data.DIGITS_IN_STRING with pauses between them."""
    chosen = data.of_part(data.digits(folder), "test")
    alone = [found for one in chosen if int(one.name.rsplit("_", 1)[1]) < ALONE and (found := heard(one))][:limit]
    rest = [found for one in chosen if int(one.name.rsplit("_", 1)[1]) >= ALONE and (found := heard(one))]
    strings = []
    for speaker in data.UNSEEN_DIGIT_SPEAKERS:
        mine = [one for one in rest if one.speaker == speaker]
        order = np.random.default_rng(0).permutation(len(mine))
        for at in range(0, len(mine) - data.DIGITS_IN_STRING + 1, data.DIGITS_IN_STRING):
            parts = [mine[i] for i in order[at : at + data.DIGITS_IN_STRING]]
            strings.append(data.joined(parts))
    return [data.joined([one]) for one in alone], strings[:: max(1, len(strings) // 60)][:limit]


def heard(sound: data.Sound) -> Utterance | None:
    return data.hear(sound, keep_audio=True)


def heard_digits(sound: Tensor) -> str:
    """What pocketsphinx hears if only digits can be said (a JSGF grammar)."""
    decoder = _digit_decoder()
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(audio.to_int16(sound).tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr if found else ""


_decoders: list[Any] = []


def _digit_decoder() -> Any:
    if not _decoders:
        # With its default of 0.65 it puts in a digit for every noise.
        decoder = imported("pocketsphinx").Decoder(loglevel="FATAL", wip=WORD_PENALTY)
        grammar = f"#JSGF V1.0; grammar digits; public <digits> = ({' | '.join(DIGITS)})+ ;"
        decoder.add_jsgf_string("digits", grammar)
        decoder.activate_search("digits")
        _decoders.append(decoder)
    return _decoders[0]


def transcribed(way: str, one: Utterance, log_probs: np.ndarray, model: Recogniser) -> str:
    """What one of WAYS or DIGIT_WAYS makes of a sound."""
    sound = cast(Tensor, one.audio)
    if way == "network, greedy":
        return greedy(log_probs).text
    if way == "network, beam":
        return beam(log_probs, BEAM).text
    if way == "network, beam and letters":
        return beam(log_probs, BEAM, model.language_model, weight=WEIGHT, bonus=BONUS).text
    if way == "network, digits only":
        return beam(log_probs, BEAM, Words(DIGITS), weight=1.0, least=0).text
    return heard_digits(sound) if way == "pocketsphinx, digits only" else pocketsphinx(sound)


def errors(
    model: Recogniser, utterances: Sequence[Utterance], ways: Sequence[str], split: str, part: str, *,
    letters: bool = True,
) -> list[Metric]:  # fmt: skip
    """Character error (if `letters`) and word error in percent of every way."""
    jiwer = imported("jiwer")
    wanted = [one.text for one in utterances]
    outputs = [posteriors(model, cast(Tensor, one.audio)) for one in utterances]
    rows = []
    for way in ways:
        found = [" ".join(transcribed(way, *pair, model).split()) for pair in zip(utterances, outputs)]
        if letters:
            rows.append(Metric(f"character error (%), {way}", 100 * jiwer.cer(wanted, found), split, part))
        rows.append(Metric(f"word error (%), {way}", 100 * jiwer.wer(wanted, found), split, part))
    return show(rows)


def speech(options: argparse.Namespace) -> dict[str, tuple[str, list[Utterance]]]:
    """Held-out sentences: part -> how the card calls it, and the utterances with their sound."""
    names = {"sentences": "held-out sentences of the known voice", "voices": "sentences of an unseen man, TSP's MD",
             "prompts": "held-out telephone prompts of a known voice"}  # fmt: skip
    found: dict[str, tuple[str, list[Utterance]]] = {}
    for sounds in train.corpora(options):
        part = sounds[0].source
        if part in names:  # digits are made into strings first
            them = [one for sound in data.of_part(sounds, "test")[: options.limit] if (one := heard(sound))]
            found[part] = (f"{len(them)} {names[part]}", them)
    return found


def told_apart(
    model: Recogniser, spoken: dict[str, tuple[str, list[Utterance]]], others: dict[str, list[Tensor]]
) -> list[Metric]:
    """Shares in percent: of speech that is believed, of other sounds that are not; and what confidence is worth."""
    rows: list[Metric] = []
    believed, given, true = [], [], []
    for split, them in (one for one in spoken.values() if one[1]):
        outputs = [posteriors(model, cast(Tensor, one.audio)) for one in them]
        found = calibrate.confidences(model, outputs)
        share = [calibrate.right(greedy(p).text, one.text) for p, one in zip(outputs, them)]
        enough = 100 * float((found >= SURE).mean())
        for name, value in ((f"confidence of {SURE} or more (%)", enough), ("mean confidence", float(found.mean())),
                            ("letters that are right, mean share", float(np.mean(share)))):  # fmt: skip
            rows.append(Metric(name, value, split, "confidence"))
        believed += (found >= SURE).tolist()
        given += found.tolist()
        true += share
    rejected = []
    for name, sounds in others.items():
        found = calibrate.confidences(model, [posteriors(model, x) for x in sounds])
        split = f"{len(sounds)} {name}"
        rows.append(Metric(f"confidence below {SURE} (%)", 100 * float((found < SURE).mean()), split, "confidence"))
        rejected += (found < SURE).tolist()
    both = 50 * (float(np.mean(believed)) + float(np.mean(rejected)))
    split = f"{len(believed)} of speech, {len(rejected)} of other sounds"
    rows.append(Metric("speech told from other sounds (%), mean of both shares", both, split, "confidence"))
    rows.append(Metric("correlation of confidence and letters right", float(np.corrcoef(given, true)[0, 1]),
                       f"{len(given)} of speech", "confidence"))  # fmt: skip
    return show(rows)


def speed(model: Recogniser) -> list[Metric]:
    """Seconds for a sound of 10 s, in one thread, the language model included."""
    sound = 0.05 * torch.randn(10 * audio.SAMPLE_RATE_HZ, generator=torch.Generator().manual_seed(0))
    times = []
    for _ in range(3):
        started = time.process_time()
        confidence(model, log_probs := posteriors(model, sound))
        beam(log_probs, BEAM, model.language_model, weight=WEIGHT, bonus=BONUS)
        times.append(time.process_time() - started)
    return show([Metric("seconds of a processor for 10 s of sound", min(times), "1 thread, beam and letters", "speed")])


def measure(model: Recogniser, options: argparse.Namespace) -> list[Metric]:
    """All rows of the card, or those of --only."""
    wanted = lambda part: options.only in (None, part)
    spoken = speech(options)
    rows: list[Metric] = []
    if options.digits and (wanted("digits") or wanted("confidence")):
        alone, strings = digit_sounds(options.digits, limit=options.limit)
        men = " and ".join(data.UNSEEN_DIGIT_SPEAKERS)
        single = f"{len(alone)} single digits of unseen men ({men})"
        name = f"{len(strings)} strings of {data.DIGITS_IN_STRING} digits of unseen men ({men})"
        if wanted("digits"):
            rows += errors(model, alone, DIGIT_WAYS, single, "digits", letters=False)
            rows += errors(model, strings, DIGIT_WAYS, name, "digits", letters=False)
        spoken |= {"alone": (single, alone), "digits": (name, strings)}
    for part in ("sentences", "voices", "prompts"):
        if part in spoken and wanted(part):
            rows += errors(model, spoken[part][1], WAYS, spoken[part][0], part)
    if options.noise and wanted("confidence"):
        rows += told_apart(model, spoken, cards.others(options.noise, options.limit))
    if wanted("speed"):
        rows += speed(model)
    return rows


def main(arguments: list[str] | None = None) -> None:
    options = cards.parse(__doc__, arguments)
    torch.set_num_threads(1)
    if options.run:
        model, state = cards.of_run(options)
    else:
        model, state = cast(Recogniser, weights.load(cards.NAME)), {}
    found = measure(model, options)
    if options.write:
        print(cards.ship(model, state, found))
    if options.table:
        cards.tabulate(found, TABLE)


if __name__ == "__main__":
    main()
