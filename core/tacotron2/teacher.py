"""The teacher of the Korean voice: espeak-ng says our own sentences, and tells when each letter begins.

    python -m core.tacotron2.teacher --out runs/teacher-ko --sentences 5000 --seed 0

There is no recorded Korean voice that may be handed on with this project, so the Korean network learns from a rule
synthesiser. The corpus has LJSpeech's layout: metadata.csv (name|text|text) beside flac/ (16 kHz, 16 bit), and
timings.json: {"starts_s": {name: [when each of core.text.tokens begins, ..., when the last one ends]}}.

espeak is told the pronounced spelling of `core.text.korean`: of 큽니다, 국물, 희망 as written it says [kʰɯpnida],
[kukmul], [hɯimaŋ]; of 큼니다, 궁물, 히망 it says what they spell, for there is nothing left in them to change.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core import audio
from core.errors import TextError
from core.tacotron2.data import TIMINGS, UNSEEN_NAME, with_room
from core.tacotron2.sentences_ko import UNSEEN, sentences
from core.text import espeak, korean
from core.text.tokens import Tokens, tokens

# Chosen by measurement, two sentences each, first as espeak says them, then through our WaveNet vocoder, which learnt a
# woman's voice: DNSMOS before -> after, PESQ of after against before, F0 (5th to 95th percentile, pyworld) of before.
#     ko+f2 pitch 50  2.91 -> 2.49  2.98  151 to 231 Hz    ko+f4 pitch 60     2.75 -> 2.02  3.04  168 to 218 Hz
#     ko+f2 pitch 60  2.97 -> 2.55  3.04  171 to 259 Hz    ko+steph pitch 50  2.87 -> 2.67  2.84  161 to 207 Hz
#     ko+f1 pitch 50  2.75 -> 2.40  2.97  137 to 210 Hz    ko, a man                             81 to 116 Hz
# f2 between its two pitches has a melody within the 150 to 250 Hz that the vocoder knows; steph is more monotonous.
VOICE = "ko+f2"
RATE_WPM, PITCH, PITCH_RANGE = 170, 55, 50  # about five syllables a second
LEAD_S, TRAIL_S = 0.1, 0.2  # of silence around a sentence
NOISE_DBFS = -62.0  # recordings that vocoders know have noise, -55 dBFS in ours; a synthesiser's silence has none
MOST_COST = 1.0  # of a sentence's letters against its phones: 0 if espeak says every letter as the table has it
WRONG_VOWEL, WRONG_CONSONANT, LEFT_OUT, MERGED = 5.0, 1.0, 2.0, 0.01

# The phones that espeak has for a letter of the pronounced spelling; some are two of its phones.
_LEADS = dict(zip(map(chr, range(0x1100, 0x1113)), (
    "g q k-", "q-", "n", "d t-", "t-", "* l L", "m", "p b p-", "p-", "s s-", "s-", "", "tS; dZ; tS;-", "tS;-", "tS+h",
    "kh", "t+h", "ph", "h",
)))  # fmt: skip
_VOWELS = dict(zip(map(chr, range(0x1161, 0x1176)), (
    "a", "E", "j+a", "j+E", "@", "e", "j+@", "j+e", "o", "w+a", "w+E", "w+e", "j+o", "u", "w+@", "w+e", "w+i", "j+u",
    "u-", "u-+j", "i",
)))  # fmt: skip
_TAILS = {"\u11a8": "q k-", "\u11ab": "n m N", "\u11ae": "d- t-", "\u11af": "L l *", "\u11b7": "m", "\u11b8": "p p-",
          "\u11bc": "N"}  # fmt: skip
_NUCLEI = frozenset("a E @ e o u i u-".split())
_SAYS = {
    letter: tuple(tuple(one.split("+")) for one in phones.split())
    for letter, phones in (_LEADS | _VOWELS | _TAILS).items() if phones
}  # fmt: skip
TRANSITION = ";"  # a phone of espeak's between ㅣ and another vowel
_MERGES = frozenset(["\u11af\u1105"])  # ㄹㄹ is one [l] of espeak's


@dataclass(frozen=True, eq=False)
class Lesson:
    """One sentence said. audio float32 [T] at 16 kHz, levelled.  tokens: N.  starts_s float64 [N + 1]."""

    audio: Tensor
    tokens: Tokens
    starts_s: np.ndarray


def _costs(letter: str, before: str, phones: Sequence[str]) -> dict[int, float]:
    """How well a letter fits the first 0, 1, 2 or 3 of the phones: number of phones -> cost."""
    vowel = letter in _VOWELS
    found = {0: MERGED if before + letter in _MERGES else WRONG_VOWEL if vowel else LEFT_OUT}
    if phones:
        found[1] = WRONG_VOWEL if vowel or phones[0] in _NUCLEI else WRONG_CONSONANT
    for said in _SAYS[letter]:
        if tuple(phones[: len(said)]) == said:
            found[len(said)] = 0.0
    for count, cost in list(found.items()):  # one that no letter stands for comes after it
        if count < len(phones):
            found[count + 1] = min(found.get(count + 1, np.inf), cost + LEFT_OUT)
    return found


def match(letters: Sequence[str], phones: Sequence[str]) -> tuple[list[int], float]:
    """Which phone each letter begins with, by dynamic programming over (letters read, phones said).

    Args:
        letters: conjoining jamo of the pronounced spelling, without silent ㅇ, N of them.
        phones: espeak's, without stress and pauses, P of them.
    Returns:
        N + 1 indices that do not fall, from 0 to P, and the cost: 0 if each letter is said as the table has it.
    """
    least = np.full((len(letters) + 1, len(phones) + 1), np.inf)
    taken = np.zeros(least.shape, np.int64)
    least[0, 0] = 0.0
    for n, letter in enumerate(letters):
        before = letters[n - 1] if n else ""
        for p in np.flatnonzero(np.isfinite(least[n])).tolist():
            for count, cost in _costs(letter, before, phones[p : p + 3]).items():
                if least[n, p] + cost < least[n + 1, p + count]:
                    least[n + 1, p + count], taken[n + 1, p + count] = least[n, p] + cost, count
    first = [len(phones)]
    for n in range(len(letters), 0, -1):
        first.append(first[-1] - int(taken[n, first[-1]]))
    return first[::-1], float(least[-1, -1])


def timed(symbols: Sequence[str], phones: Sequence[espeak.Phone], end_s: float) -> tuple[np.ndarray, float]:
    """When each token begins.

    A pause belongs to the mark where it is; silent ㅇ and spaces have no time of their own and take a little from
    their neighbours, as in `data.timed_tokens`.

    Args:
        symbols: of `tokens(text, "ko", unit="sounds")`, N of them.  phones: what espeak said, with pauses.
        end_s: of the sound.
    Returns:
        seconds [N + 1], and the cost of the match.
    """
    heard = [i for i, phone in enumerate(phones) if not phone.is_pause and phone.name != TRANSITION]
    sounded = [i for i, symbol in enumerate(symbols) if symbol in _SAYS]
    first, cost = match([symbols[i] for i in sounded], [phones[i].name.lstrip("',%=") for i in heard])
    times = [phone.start_s for phone in phones] + [end_s]
    begins = {token: times[([*heard, -1])[first[k]]] for k, token in enumerate(sounded)}
    ends = {token: times[heard[max(first[k + 1], 1) - 1] + 1] for k, token in enumerate(sounded)}
    for k, token in enumerate(sounded[:-1]):
        if k and first[k] == first[k + 1]:  # merged with the one before: half of it
            begins[token] = (begins[sounded[k - 1]] + begins[sounded[k + 1]]) / 2
    starts, now, paused = [], 0.0, True
    for i, symbol in enumerate(symbols):
        if i in begins:
            starts.append(begins[i])
            now, paused = ends[i], False
        else:  # what follows a mark comes after its pause
            after = next((begins[k] for k in sounded if k > i), now)
            starts.append(after if paused else now)
            paused = paused or symbol in korean.PUNCTUATION
    return with_room(np.array([*starts, end_s])), cost


def teach(text: str, *, voice: str = VOICE, rate_wpm: int = RATE_WPM, pitch: int = PITCH) -> Lesson:
    """Say a Korean sentence.

    Args:
        text: at most 600 characters.  voice, rate_wpm, pitch: see `espeak.speak`.
    Raises:
        TextError: as `tokens`; or espeak says something else than the letters.
        PackageError: espeakng-loader is not installed.
    """
    read = tokens(text, "ko", unit="sounds")
    x, rate_hz, phones = espeak.speak(
        korean.pronounce(text), voice=voice, rate_wpm=rate_wpm, pitch=pitch, pitch_range=PITCH_RANGE
    )
    said = next((i for i in range(len(phones) - 1, -1, -1) if not phones[i].is_pause), -1)
    speech_s = phones[said + 1].start_s if said + 1 < len(phones) else len(x) / rate_hz
    starts, cost = timed(read.symbols, phones[: said + 1], speech_s) if said >= 0 else (np.zeros(1), np.inf)
    if cost > MOST_COST:
        raise TextError(f"espeak-ng does not say “{text.strip()}” letter by letter: write it in other words.")
    starts = np.append(starts[:-1], speech_s + TRAIL_S) + LEAD_S
    starts[0] = 0.0
    length, lead = round((speech_s + TRAIL_S) * rate_hz), round(LEAD_S * rate_hz)
    x = np.pad(x[:length], (lead, max(0, length - len(x))))
    y = audio.level_to(audio.resample(torch.from_numpy(x), rate_hz, audio.SAMPLE_RATE_HZ))
    noise = np.random.default_rng(zlib.crc32(text.encode())).normal(0, 10 ** (NOISE_DBFS / 20), len(y))
    return Lesson(y + torch.from_numpy(noise.astype(np.float32)), read, starts)


def write(folder: Path, texts: dict[str, str], *, every: int = 100) -> dict[str, list[str]]:
    """A corpus: the sound, text and times of each name, as this module's head describes.

    Args:
        folder: is made.  texts: name -> sentence.  every: print progress after so many sentences.
    Returns:
        "written" and "left out": names.
    """
    import soundfile

    (folder / "flac").mkdir(parents=True, exist_ok=True)
    lines, starts_s, seconds, began = [], {}, 0.0, time.monotonic()
    left_out = []
    for i, (name, text) in enumerate(texts.items()):
        try:
            lesson = teach(text)
        except TextError as error:
            print(f"{name}: {error}", flush=True)
            left_out.append(name)
            continue
        path = folder / "flac" / f"{name}.flac"
        soundfile.write(str(path), audio.to_int16(lesson.audio), audio.SAMPLE_RATE_HZ, subtype="PCM_16")
        lines.append(f"{name}|{text}|{text}\n")
        starts_s[name] = [round(float(start), 4) for start in lesson.starts_s]
        seconds += len(lesson.audio) / audio.SAMPLE_RATE_HZ
        if (i + 1) % every == 0:
            took = time.monotonic() - began
            print(f"{i + 1} of {len(texts)}: {seconds / 60:.1f} min of sound in {took:.0f} s", flush=True)
    (folder / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    (folder / TIMINGS).write_text(json.dumps({"starts_s": starts_s}), encoding="utf-8")
    return {"written": list(starts_s), "left out": left_out}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/teacher-ko"), help="folder of the corpus")
    parser.add_argument("--sentences", type=int, default=5000, help="besides those that are held out")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    texts = {f"ko_{i:05d}": text for i, text in enumerate(sentences(options.sentences, options.seed))}
    texts |= {f"{UNSEEN_NAME}_{i:02d}": text for i, text in enumerate(UNSEEN)}
    found = write(options.out, texts)
    print(f"{len(found['written'])} sentences, {len(found['left out'])} left out: {options.out}")


if __name__ == "__main__":
    main()
