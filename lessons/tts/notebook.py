# The code of the notebook on text to speech: `# %% anchor` begins a cell of that section of en.md and ko.md.

# %% together
import time

import numpy as np

from core import audio, parametric, plots, speech_figures, tacotron2, unit_selection
from core.notebook import KEYS, play, show

TEXT = "Will we ever forget it?"
seconds, sounds = {}, {}
for name, speak in {
    "unit selection": lambda: unit_selection.synthesize(TEXT),
    "parametric": lambda: parametric.synthesize(TEXT),
    "Tacotron 2": lambda: tacotron2.synthesize(TEXT, vocoder="griffin-lim", seed=0),
}.items():
    started = time.perf_counter()
    sounds[name] = speak().audio
    seconds[name] = time.perf_counter() - started
for name, sound in sounds.items():
    play(sound, label=f"{name}: {len(sound) / 16_000:.2f} s of sound in {seconds[name]:.2f} s, the loading included")
show(speech_figures.compared(sounds, words=KEYS), height=640)

# %% together-measured
from core import weights

for name in ("unit-selection", "parametric-acoustic", "tacotron2-english"):
    for metric in weights.card(name)["metrics"]:
        if "error" in metric["name"] or "DNSMOS" in metric["name"]:
            print(f"{name}: {metric['name']}, {metric['split']}: {metric['value']:.3g}")

# %% text
from core.text import english, phones
from core.text.tokens import shown, tokens

SENTENCE = "Dr. Kim paid $5 in 1914."
for word in english.words(SENTENCE):
    parts = " | ".join(" ".join(syllable) for syllable in phones.syllables(word.phones))
    print(f"{SENTENCE[slice(*word.span)]:<6}{word.text:<12}{parts:<28}{word.source}")
found = tokens(SENTENCE, "en")
print([(shown(symbol), number) for symbol, number in zip(found.symbols, found.ids)])

# %% text-korean
from core.text import korean

for text in ("국물", "신라", "같이", "3개"):
    print(text, korean.normalise(text).text, korean.pronounce(text), tokens(text, "ko").ids)

# %% units
from core.unit_selection import figures
from core.unit_selection.sample import respeak

voice = unit_selection.voice()
said = unit_selection.synthesize(TEXT, candidates=30)
for target, join in ((1, 1), (1, 0), (0, 1)):
    other = respeak(said, target_weight=target, join_weight=join)
    cut_from = {unit.recording for unit in other.units}
    play(other.audio, label=f"target {target}, join {join}: {len(other.joins)} joins, {len(cut_from)} sentences")
show(figures.lattice(said, voice, target_weight=1, join_weight=1, words=KEYS), height=520)
show(figures.seams(said, words=KEYS), height=420)

# %% units
from core.unit_selection.model import viterbi

# The smallest lattice: three columns of two candidates. Which row of each?
targets = [[0.0, 1.0], [1.0, 0.0], [0.5, 0.0]]
joins = [[[0.0, 3.0], [1.0, 0.0]], [[0.0, 2.0], [2.0, 0.0]]]
print(viterbi([np.array(column) for column in targets], [np.array(matrix) for matrix in joins]))

# %% units-corpus
unit = max(said.units, key=lambda unit: unit.stop_s - unit.start_s)
recording = voice.recordings[unit.recording]
print(f"{len(voice.recordings)} sentences. {unit.label} is from {recording.name}, {unit.word!r}: {recording.text}")

# %% parametric
from core.parametric import figures as parametric_figures

made = parametric.synthesize(TEXT, rate=1.0)
print(made.contexts[3].label())
show(parametric_figures.durations(made, words=KEYS))
for variance in (True, False):
    play(parametric.synthesize(TEXT, global_variance=variance).audio, label=f"global variance: {variance}")

# %% parametric-trajectories
from core.parametric import mlpg

show(parametric_figures.trajectories(made, coefficient=1, words=KEYS), height=420)
means = np.zeros((40, 3))  # one number, its delta and delta-delta, over 40 frames: a step from 0 to 1
means[20:, 0] = 1.0
smooth = mlpg.generate(means, np.array([1.0, 0.05, 0.05]))[:, 0]
show(plots.lines({"means": (range(40), means[:, 0]), "generate": (range(40), smooth)}, x_title="frame", y_title=""))

# %% vocoder
from core.parametric.vocoder import resynthesize

recorded = audio.load_voice("assets/audio/kathleen_b0487.flac")[:24_000]
for settings in ({}, {"f0_shift_semitones": -5}, {"formant_scale": 1.2}, {"rate": 0.7}):
    found = resynthesize(recorded, **settings)
    play(found.audio, label=str(settings))
melodies = {"recorded": found.before, "changed": found.after}
show(parametric_figures.melodies(melodies, words=KEYS, roles=("reference", "model")), height=300)
