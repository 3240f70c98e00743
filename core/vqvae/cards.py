"""What the cards of the vqvae- weights say, and how they are shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import nn

from core import audio, training, weights
from core.vqvae import hierarchy, train
from core.wavenet.model import WaveNet, WaveNetConfig

FULL = ("vqvae-speech", "vqvae-argmax")  # measured in every way
FRONT_OF = {"vqvae-prior": "vqvae-speech", "vqvae-prior-argmax": "vqvae-argmax"}
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
]
PIANO = [
    {
        "name": "ASAP, expressive piano performances, the beginnings of 90 of them, an hour; held-out works never",
        "license": "CC BY-NC-SA 4.0: the weights are not for commercial use",
        "source": "github.com/fosfrancesco/asap-dataset, played by FluidSynth: python -m core.melnet.piano",
    },
]
BLURRED = "Frames are means of what a code may stand for: consonants and fast changes of pitch are blurred."
SHORT = "Short of training: it still improved when it was stopped. Continue with --resume."
OTHERS = "FA, FB and MC have 54 sentences each, a few minutes; their pitch is met only half way (see the metrics)."
FAILURES = {
    "front": [BLURRED, OTHERS, "Trained on clean, read speech of four people: music and noise were not tried."],
    "piano": [
        SHORT,
        "Attacks are softened and quiet notes under loud ones are lost; one rendered piano, nothing else, was heard.",
    ],
    "decoder": [
        SHORT,
        "As drawn it is rougher than wavenet-vocoder; core.postfilter mends its levels, not its pitch.",
    ],
    "prior": ["Short of training and of speech (an hour): better than counting pairs of codes, but not by much."],
    "second": [
        "Short of training and of speech (an hour): both levels together need more bits than a prior alone."
    ],
}


def kind(name: str) -> str:
    """Which sort of weights a name stands for: front, decoder, prior or second."""
    if name.startswith("vqvae-prior"):
        return "prior"
    if name.endswith("decoder"):
        return "decoder"
    return "second" if name == "vqvae-second" else "front"


def is_piano(name: str) -> bool:
    """Whether the weights play piano and do not speak."""
    return name.startswith("vqvae-piano")


def describe(name: str, model: Any) -> str:
    """A sentence or two for the card."""
    what = kind(name)
    if is_piano(name):
        return (
            "The WaveNet (arXiv:1609.03499) behind vqvae-piano: wavenet-vocoder without its pitch clock, trained on "
            "with the frames that piano codes give. 16 kHz, 256 mu-law codes." if what == "decoder" else
            f"VQ-VAE (arXiv:1711.00937) for piano: {model.config.codes} codes, {model.config.codes_per_s:g} a second, "
            f"played by {model.config.decoder}. Reads log-mels less their means, not the waveform; its frames have a "
            "loss of their own, and the WaveNet began as a trained vocoder of speech."
        )  # fmt: skip
    if what == "decoder":
        return ("The WaveNet (arXiv:1609.03499) behind the discrete autoencoders of speech: wavenet-vocoder, trained "
                "on with the frames that their codes give, in four voices. 16 kHz, 256 mu-law codes.")  # fmt: skip
    if what == "prior":
        return f"A WaveNet over the codes of {FRONT_OF[name]}: it makes up speech, 40 codes a second."
    if what == "second":
        return (f"A second level over the codes of {model.config.front} (arXiv:1806.10474): a code for eight, a "
                "network that draws the eight, and a prior.")  # fmt: skip
    config = model.config
    paper = "VQ-VAE (arXiv:1711.00937)" if config.quantiser == "vq" else "Argmax autoencoder (arXiv:1806.10474)"
    text = (
        f"{paper} for speech: {config.codes} codes, {config.codes_per_s:g} a second, spoken by {config.decoder}."
    )
    differs = (" Reads log-mels less their means (as arXiv:1901.08810 reads spectral features), not the waveform; its "
               "frames have a loss of their own, and the WaveNet began as a trained vocoder.")  # fmt: skip
    return text + differs + ("" if name in FULL else " First phase only: never trained with the WaveNet.")


def of_run(name: str, folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The averaged weights of a run of any kind, and its state."""
    what = kind(name)
    if what == "front":
        return train.of_run(folder)
    if what == "second":
        return hierarchy.of_run(folder)
    model = WaveNet(WaveNetConfig(**json.loads((folder / "config.json").read_text())))
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), json.loads((folder / "state.json").read_text())


def rows(name: str, found: list[tuple[str, float, str]], command: str = "") -> list[dict[str, Any]]:
    """Measured numbers as the card's rows, with the command that prints them."""
    command = command or f"python -m core.vqvae.measure {name}"
    more = {"unseen": " --voices PATH", "counted": " --data PATH --voices PATH", "piano": " --data PATH"}
    return [
        {"name": label, "value": round(value, 3), "split": split,
         "command": command + "".join(option for word, option in more.items() if word in split)}
        for label, value, split in found
    ]  # fmt: skip


def ship(name: str, model: nn.Module, state: dict[str, Any], metrics: list[dict[str, Any]]) -> Path:
    """Write assets/weights/<name> with its card, 8 bits a number. Measure it as it is loaded again."""
    failures = list(FAILURES["piano" if is_piano(name) else kind(name)])
    if kind(name) == "front" and name not in FULL and not is_piano(name):
        failures.insert(
            0, "A few minutes of training, to compare codebooks and rates; vqvae-speech is the better one."
        )
    return weights.save(
        model, name, description=describe(name, model), sample_rate_hz=audio.SAMPLE_RATE_HZ,
        training_command=training.commands(state), commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"),
        data=PIANO if is_piano(name) else DATA,
        metrics=metrics, known_failures=failures, bits=8,
    )  # fmt: skip
