"""One sentence, every way: the methods side by side, heard, seen and measured."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from demos import _models
from demos import _widgets as w
from demos._tab import ROOT, Strings
from demos._tts import parametric, sentence, units

if TYPE_CHECKING:
    from torch import Tensor

USUAL = (sentence.FIRST,)
TACOTRON, VOCODER = "tacotron2-english", "wavenet-vocoder"
METHODS = {
    "units": (units.VOICE,), "parametric": parametric.MODELS, "parametric_smooth": parametric.MODELS,
    "end_to_end": (TACOTRON, VOCODER),
}  # fmt: skip


def build(t: Strings, box: sentence.Box) -> None:
    """The cell `together`."""
    with w.cell(t, "together") as t:
        w.prose(t)
        with w.controls(t):
            run = w.button(t("run"), name="together-run")
        player = w.player(t, "sounds")
        table = w.note(t, "table", latex=False)
        figure = w.figure(t, "figure", height=900)
        w.prose(t, "together-measured")
        w.note(t, "measured", measured(t))
    sentence.connect(t, box, run, figure, partial(speak, t), usual=USUAL, results=[player, table, figure])


def speak(t: Strings, text: str | None) -> tuple:
    """Every method says the sentence: (player, table, figure)."""
    import torch

    from core.parametric.sample import synthesize as by_parameters
    from core.tacotron2 import sample as tacotron2
    from core.unit_selection.sample import synthesize as by_units

    text = sentence.english_only(text)
    speaker = _models.load(units.VOICE)
    models = tuple(_models.load(name) for name in parametric.MODELS)
    sounds: dict[str, Tensor] = {}
    seconds, seams = {}, {"parametric": 0, "parametric_smooth": 0, "end_to_end": 0}
    started = time.process_time()
    said = by_units(text, speaker=speaker)
    seconds["units"], sounds["units"], seams["units"] = time.process_time() - started, said.audio, len(said.joins)
    for name, variance in (("parametric", True), ("parametric_smooth", False)):
        started = time.process_time()
        made = by_parameters(text, models=models, global_variance=variance)  # type: ignore[arg-type]
        seconds[name], sounds[name] = time.process_time() - started, made.audio
    network, vocoder = _models.load(TACOTRON), _models.load(VOCODER)
    started = time.process_time()
    mels = [tacotron2.decode(part, model=network).mel for part in tacotron2.read(text, network)]
    sounds["end_to_end"] = tacotron2.vocode(torch.cat(mels, dim=1), wavenet=vocoder)
    seconds["end_to_end"] = time.process_time() - started
    natural = sentence.natural(text)
    if natural is not None:
        sounds["natural"], seams["natural"] = natural, 0
    tracks = [w.track(t(name), sound) for name, sound in sounds.items()]
    says = t("spoken", text=sentence.quoted(text)) + "\n\n"
    return tracks, says + table(t, sounds, seconds, seams, models[1]), draw(t, sounds)


def spread(sound: Tensor) -> np.ndarray:
    """Variance of the mel-cepstral coefficients 1 … 24 over the frames that are not silent: float64 [24]."""
    from core.parametric.vocoder import analyse

    cepstra = analyse(sound.numpy()).cepstra
    loud = cepstra[:, 0] > cepstra[:, 0].max() - 4.0  # 35 dB below the loudest frame
    return cepstra[loud, 1:25].var(axis=0)


def table(
    t: Strings, sounds: dict[str, Tensor], seconds: dict[str, float], seams: dict[str, int], acoustic: Any
) -> str:
    """The methods as rows: seams, spectral variance, size, time, flexibility."""
    usual = np.asarray(acoustic.global_variance)[1:25]  # of natural speech, over the training sentences
    if "natural" in sounds:
        usual = spread(sounds["natural"])
    heads = [t(f"head_{key}") for key in ("method", "seams", "variance", "size", "time", "flexibility")]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, sound in sounds.items():
        share = 100 * float(np.exp(np.log(spread(sound) / usual).mean()))  # geometric mean over coefficients
        size = f"{megabytes(METHODS[name]):.1f} MB" if name in METHODS else "–"
        took = f"{seconds[name]:.2f} s" if name in seconds else "–"
        lines.append(
            f"| {t(name)} | {seams[name]} | {share:.0f} % | {size} | {took} | {t(f'flexibility_{name}')} |"
        )
    notes = [t("lecture_words")] + ([] if "natural" in sounds else [t("no_natural")])
    return "\n".join(lines) + "\n\n" + " ".join(notes)


MEASURED = {  # rows of the table of measurements: the name of a method in a card, and the card
    "natural": ("natural", units.VOICE),
    "units": ("unit selection", units.VOICE),
    "units_no_join": ("without join cost", units.VOICE),
    "units_no_target": ("without target cost", units.VOICE),
    "vocoder_alone": ("WORLD alone", "parametric-acoustic"),
    "parametric": ("parametric", "parametric-acoustic"),
    "parametric_smooth": ("parametric without global variance", "parametric-acoustic"),
    "vocoder_wavenet": ("natural mels, wavenet", TACOTRON),
    "end_to_end": ("Tacotron 2, wavenet", TACOTRON),
    "end_to_end_griffin_lim": ("Tacotron 2, griffin-lim", TACOTRON),
}
SETS = {"prompts": "held-out prompts", "harvard": "Harvard sentences"}


def measured(t: Strings) -> str:
    """What the cards say of every method: character error and DNSMOS, on both sets of sentences."""
    from core import weights

    heads = [t("head_method"), *(t(f"{metric}_{name}") for metric in ("error", "dnsmos") for name in SETS)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row, (name, card) in MEASURED.items():
        metrics = weights.card(card)["metrics"]
        found = [metric_of(metrics, kind, name, split) for kind in ("character error", "DNSMOS overall")
                 for split in SETS.values()]  # fmt: skip
        cells = [f"{value:.1f} %" for value in found[:2]] + [f"{value:.2f}" for value in found[2:]]
        lines.append(f"| {t(row)} | {' | '.join('–' if 'nan' in cell else cell for cell in cells)} |")
    return "\n".join(lines) + "\n\n" + t("measured_note")


def metric_of(metrics: list[dict[str, Any]], kind: str, name: str, split: str) -> float:
    """One number of a card, errors in percent; NaN where the card has none."""
    for one in metrics:
        if one["split"].endswith(split) and one["name"] in (f"{kind}, {name}", f"{kind} (%), {name}"):
            return one["value"] * (100 if one["name"] == f"character error, {name}" else 1)
    return float("nan")


def megabytes(names: tuple[str, ...]) -> float:
    """What the weights take on disk; earlier steps of a training, which no sentence needs, are not counted."""
    files = (
        path for name in names for path in (ROOT / "assets/weights" / name).iterdir()
        if name != TACOTRON or path.name == "model.safetensors"
    )  # fmt: skip
    return sum(path.stat().st_size for path in files) / 1e6


def draw(t: Strings, sounds: dict[str, Tensor]) -> dict:
    """Waveform, mel and F0 of each."""
    from core import speech_figures

    words = {key: t(key) for key in ("time", "amplitude", "band", "f0")}
    figure = speech_figures.compared({t(name): sound for name, sound in sounds.items()}, words=words)
    return w.plot(figure, t("figure_summary", names=", ".join(t(name) for name in sounds)))
