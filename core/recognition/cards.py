"""What the card of recognition-english says, and how a training run becomes shipped weights."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file
from torch import Tensor

from core import training, weights
from core.recognition import calibrate, data, synthetic, train
from core.recognition.data import Utterance
from core.recognition.language import CharacterModel
from core.recognition.model import LANGUAGE_FILE, PRESETS, SECONDS_PER_STEP, Recogniser
from core.voice_metrics import Metric, for_card

NAME = "recognition-english"
COMMAND = (
    "python -m core.recognition.measure --data PATH --voices PATH --digits PATH --prompts PATH --prompt-texts PATH"
)
NOISE = " --noise PATH PATH"
PARTS = ("digits", "sentences", "voices", "prompts", "confidence", "speed")
# Of letter strings: transcripts count so often as sentences of books do; strings of 1, 2, … letters less frequent than
# these are left out, so that the file stays below 200 kB.
TRANSCRIPT_WEIGHT, ORDER, LEAST = 7.0, 6, (0.0, 0.0, 3.0, 6.0, 11.0, 13.0)
DATA = [
    {
        "name": "Kathleen, 1,132 CMU ARCTIC prompts by one US English speaker, less arctic_b0480 … b0539",
        "license": "CC0 1.0",
        "source": "github.com/rhasspy/dataset-voice-kathleen (Michael Hansen), 16 kHz, levelled to -20 dBFS",
    },
    {
        "name": "TSP speech database, speakers FA, FB and MC, 54 Harvard sentences each; MD never",
        "license": "Simplified BSD, by third parties' word",
        "source": "P. Kabal, McGill University, 2002, as in github.com/posenhuang/deeplearningsourceseparation; 16 kHz",
    },
    {
        "name": "Free Spoken Digit Dataset, speakers george, jackson, nicolas and yweweler; theo and lucas never",
        "license": "CC BY-SA 4.0",
        "source": "github.com/Jakobovski/free-spoken-digit-dataset, 8 kHz, as Ogg Opus of 20 kbit/s",
    },
    {
        "name": "asterisk-core-sounds-en, telephone prompts by Allison Smith, less every twentieth",
        "license": "CC BY-SA 3.0",
        "source": "Debian's package asterisk-core-sounds-en-g722",
    },
    {
        "name": "synthetic: two hours of espeak-ng in many voices, reading books, words in no order, and digits",
        "license": "GPL-3.0-or-later (the synthesiser)",
        "source": "python -m core.recognition.synthetic --texts PATH --hours 2 --seed 1",
    },
    {
        "name": "eleven books of Project Gutenberg by J. Austen, S. C. Bryant, T. W. Burgess, L. Carroll, "
                "G. K. Chesterton, M. Edgeworth and H. Melville: what espeak-ng read; letters of the language model",
        "license": "out of copyright",
        "source": "Project Gutenberg Selections, as in NLTK's corpora",
    },
    {
        "name": "ESC-10, rain, sea, helicopter and fire: noise, and sounds in which nothing is said",
        "license": "CC BY 3.0, each clip CC0 or CC BY",
        "source": "K. J. Piczak 2015, github.com/karoldvl/ESC-10",
    },
    {
        "name": "Everything is Free, songs 1 to 4 without their voices: noise, and sounds in which nothing is said",
        "license": "CC0 1.0",
        "source": "Software-Entwicklungskit, github.com/ichbinsoftware/everythingisfree",
    },
]  # fmt: skip
FAILURES = [
    "Sentences come out with a quarter to a third of their letters wrong, of people it knows and of those it does not: "
    "it was trained for an hour of a shared processor and still improved when it was stopped. Continue with --resume.",
    "It spells by ear: words that it has not seen are written as they sound; the language model mends some of them.",
    "Read speech and single words in English only. Numbers beyond digits, names, dialects and children were not tried.",
    "Some sounds of a city get letters and a confidence above one half (see the metrics); singing was not tried.",
    "Beside pocketsphinx: its acoustic model is made for 16 kHz, and the digits were recorded at 8 kHz, which our "
    "training had as well; on sentences it has far more speech and a large language model behind it.",
]


def parse(description: str | None, arguments: list[str] | None) -> argparse.Namespace:
    """The options of `core.recognition.measure`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the known voice: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--voices", type=Path, help="TSP speech database")
    parser.add_argument("--digits", type=Path, help="Free Spoken Digit Dataset")
    parser.add_argument("--prompts", type=Path, help="telephone prompts")
    parser.add_argument("--prompt-texts", type=Path, help="what they say: name|text")
    parser.add_argument("--noise", type=Path, nargs="*", default=[], help="UrbanSound8K, and songs in stems")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--limit", type=int, help="only so many sounds of a kind, to try things out")
    parser.add_argument("--table", action="store_true", help="write assets/tables/recognition.json")
    parser.add_argument("--run", type=Path, help="measure this training run instead of the shipped weights")
    parser.add_argument("--texts", type=Path, help="with --run: books for the language model")
    parser.add_argument("--quiet", type=Path, nargs="*", default=[], help="with --run: sounds that set the confidence")
    parser.add_argument("--write", action="store_true", help="with --run: ship it and write its card")
    return parser.parse_args(arguments)


def of_run(options: argparse.Namespace) -> tuple[Recogniser, dict[str, Any]]:
    """The averaged weights of a run as they will be shipped, with 8 bits, a language model and calibrated; and its
    counters."""
    from core.packing import packed, unpacked

    model = Recogniser(PRESETS["english"]).eval()
    model.load_state_dict(unpacked(packed(load_file(options.run / "average.safetensors"))))
    model.language_model = CharacterModel.from_bytes(language_model(options).to_bytes())
    watched = [
        one for sounds in train.corpora(options) for sound in data.of_part(sounds, "watch") if (one := data.hear(sound))
    ]
    calibrate.calibrate(model, watched + known_digits(options.digits), quiet(options.quiet))
    return model, json.loads((options.run / "state.json").read_text())


def known_digits(folder: Path | None, *, count: int = 24, seed: int = 0) -> list[Utterance]:
    """So many single digits, and so many strings of them, of the men that were trained on."""
    if folder is None:
        return []
    random = np.random.default_rng(seed)
    sounds = data.of_part(data.digits(folder), "train")
    out = []
    for number in range(2 * count):
        speaker = sounds[random.integers(len(sounds))].speaker
        mine = [one for one in sounds if one.speaker == speaker]
        chosen = random.choice(len(mine), size=1 if number < count else data.DIGITS_IN_STRING)
        parts = [one for i in chosen if (one := data.hear(mine[i], keep_audio=True))]
        out.append(data.joined(parts))
    return out


def language_model(options: argparse.Namespace) -> CharacterModel:
    """Of the transcripts of the training part, and of books without any held-out sentence."""
    said, avoid = [], set()
    for sounds in train.corpora(options):
        if sounds[0].source != "digits":
            said += [text for one in data.of_part(sounds, "train") for text in synthetic.readable([one])]
            held = data.of_part(sounds, "watch") + data.of_part(sounds, "test")
            avoid |= {text for text in synthetic.readable(held) if len(text) > synthetic.LONG_ENOUGH}
    books = synthetic.sentences_of(options.texts, avoid) if options.texts else []
    said += list(data.DIGITS) * 20
    weighed = [(text, TRANSCRIPT_WEIGHT) for text in said] + [(text, 1.0) for text in books]
    return CharacterModel.learn(weighed, order=ORDER, least=LEAST)


def quiet(folders: Sequence[Path]) -> list[Tensor]:
    """Log-mels of sounds without speech that the training never had, in pieces of 1 to 10 s."""
    from core import audio

    out = []
    for folder in folders:
        for _, x in data.noises(folder, only=train.NOT_TO_TRAIN[:3]):
            pieces = [x, *x.split(2 * audio.SAMPLE_RATE_HZ)[:2]]
            out += [audio.mel(audio.level_to(piece)) for piece in pieces if len(piece) > audio.SAMPLE_RATE_HZ]
    return out


def others(folders: Sequence[Path], limit: int | None) -> dict[str, list[Tensor]]:
    """Sounds without speech to measure with, by the name the card gives them."""
    out: dict[str, list[Tensor]] = {}
    for folder in folders:
        if (folder / "index.csv").exists():
            lines = (folder / "index.csv").read_text(encoding="utf-8").splitlines()[1:]
            files = [folder / fields[0] for line in lines if (fields := line.split(","))[1] == "10"][::4]
            out["clips of UrbanSound8K's fold 10"] = [x for path in files[:limit] if len(x := data.decode(path)) > 8000]
        else:
            pieces = [x for _, x in data.noises(folder, only=train.NOT_TO_TRAIN[3:])]
            out["pieces of 10 s of a song without its voice"] = pieces[:limit]
    return out


def ship(model: Recogniser, state: dict[str, Any], metrics: Sequence[Metric]) -> Path:
    """Write assets/weights/recognition-english with its card."""
    assert model.language_model is not None
    return weights.save(
        model, NAME, bits=8, sample_rate_hz=16_000,
        description="A small recogniser of English, trained by connectionist temporal classification (Graves et al. "
        f"2006): convolutions, three bidirectional LSTMs, letters every {1000 * SECONDS_PER_STEP:.0f} ms; with a "
        "language model of letters. Trained on real and synthetic speech.",
        training_command=training.commands(state), commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"), data=DATA,
        metrics=rows(metrics), known_failures=FAILURES, files={LANGUAGE_FILE: model.language_model.to_bytes()},
    )  # fmt: skip


def rows(metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """As `core.weights.save` takes them."""
    return [
        row for one in metrics for row in for_card([one], COMMAND + (NOISE if one.part == "confidence" else ""))
    ]


def tabulate(metrics: Sequence[Metric], path: Path) -> None:
    """The same for the page: part -> split -> metric -> value."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for one in metrics:
        table.setdefault(one.part, {}).setdefault(one.split, {})[one.name] = round(one.value, 2)
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
