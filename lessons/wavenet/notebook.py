# The code of the notebook on WaveNet: `# %% anchor` begins a cell of that section of en.md and ko.md.

# %% mulaw
from core import audio, plots
from core.notebook import play, show
from core.quantisation import linear_quantise
from core.speech_metrics import signal_to_noise_db

LEVELS, GAIN_DB = 16, -20
voice = audio.load_voice("assets/audio/kathleen_b0487.flac")  # float32 [T], 16 kHz
quiet = voice / voice.abs().max() * 10 ** (GAIN_DB / 20)


def both(x, levels):
    return linear_quantise(x, levels=levels), audio.mu_law_decode(audio.mu_law_encode(x, levels=levels), levels=levels)


linear, mu_law = both(quiet, LEVELS)
print(f"SNR: {signal_to_noise_db(quiet, linear):.1f} dB linear, {signal_to_noise_db(quiet, mu_law):.1f} dB mu-law")
loud = 0.5 * 10 ** (-GAIN_DB / 20)  # as loud as before, so that only the noise differs
for name, x in {"original": quiet, "linear": linear, "mu-law": mu_law}.items():
    play(x * loud, label=name)

# %% mulaw
levels = [4, 8, 16, 32, 64, 128, 256]
ratios = [[signal_to_noise_db(quiet, y) for y in both(quiet, n)] for n in levels]
curves = {name: (levels, [row[i] for row in ratios]) for i, name in enumerate(("linear", "mu-law"))}
show(plots.lines(curves, x_title="levels", y_title="SNR (dB)", markers=True, log_x=True))

# %% dilation
from core.wavenet.model import PRESETS, WaveNetConfig

for layers, kernel, cycle in ((4, 2, 4), (10, 2, 10), (20, 2, 10), (10, 3, 10)):
    config = WaveNetConfig(layers=layers, kernel_size=kernel, layers_per_cycle=cycle)
    reach = config.receptive_field_samples
    print(f"{layers} layers, kernel {kernel}, dilation {max(config.dilations)}: {reach} samples, {reach / 16:.1f} ms")

# %% dilation-cost
for name, config in PRESETS.items():
    reach = config.receptive_field_samples
    plain = (reach - config.kernel_size) // (config.kernel_size - 1)  # layers without dilation for the same reach
    print(f"{name}: {config.layers} layers see {reach} samples; without dilation: {plain} layers")

# %% naive
import inspect

from core.wavenet.lecture import LectureWaveNet
from core.wavenet.lecture_checks import forward_pass

seen = forward_pass(batch=2, time=200, layers=4)
for number, line in enumerate(inspect.getsource(LectureWaveNet.forward).splitlines(), start=1):
    shapes = [f"{name} {shape}" for visit in seen["lines"].get(str(number), [])[:1] for name, shape in visit.items()]
    print(f"{line:<112}{', '.join(shapes)}")

# %% naive-differs
from core.wavenet.lecture_checks import CHANGED, gate_curves, influence

for only_one in (False, True):
    moved = influence(only_one=only_one)  # sample CHANGED is another one, or all from there on
    for name, distances in moved.items():
        where = [sample for sample, distance in enumerate(distances) if distance > 0]
        print(f"{name}: changed {CHANGED}{'' if only_one else ' …'}, moved {where[0]} … {where[-1]} ({len(where)})")

# %% naive-differs
curves = gate_curves()
gate = curves.pop("gate")
show(plots.lines({name: (gate, y) for name, y in curves.items()}, x_title="gate", y_title="z"))

# %% naive-ablation
import json
from pathlib import Path

import torch

from core.wavenet import lecture_figures
from core.wavenet.ablation import config_for
from core.wavenet.model import GatedLayer

pre = torch.tensor([1.0, 0.5])  # a filter half and a gate half
for name in ("multiply", "add"):
    layer = GatedLayer(config_for(name), dilation=1, last=True)
    print(f"{name}: {layer.activate(pre).item():.3f}")
stored = json.loads(Path("assets/tables/wavenet-ablation.json").read_text())
names = {name: name for name in ("multiply", "add", "relu")}
words = {"held_out": "held out", "training": "training", "x_title": "step", "y_title": "bits"}
show(lecture_figures.ablation(stored, names=names, **words))

# %% architecture
from core import weights
from core.wavenet import inside, shapes

vocoder = weights.load("wavenet-vocoder")
for name, shape in shapes.record(vocoder, batch=1, samples=400).items():
    if not name.startswith("layers.") or name.startswith("layers.4."):
        print(f"{name:<24}{shape}")

# %% architecture
LAYER = 4
look = inside.look(vocoder, voice[:32_000], moment_s=1.0)
tanh, sigmoid, product = inside.gate(look, LAYER)  # each [samples, channels]
for name, values in {"tanh": tanh, "sigmoid": sigmoid, "tanh · sigmoid": product}.items():
    figure = plots.heatmap(values.T, x_title="sample", y_title="channel", signed=name != "sigmoid")
    show(figure, height=260, title_text=name)

# %% unconditional
from core.wavenet import generate, live

speech = weights.load("wavenet-speech")
updates = list(live.speak(speech, samples=8000, seed=1, temperature=0.9))  # half a second
print(f"{updates[-1].engine}: {updates[-1].samples_per_s:,.0f} samples/s")
play(audio.mu_law_decode(torch.cat([update.codes for update in updates])), label="temperature 0.9")

# %% unconditional
probabilities = torch.cat([update.probabilities for update in updates])  # [looks, 256]
bits = live.entropy_bits(probabilities)
positions = [position for update in updates for position in update.positions]
show(plots.lines({"H": ([p / 16_000 for p in positions], bits)}, x_title="s", y_title="bits", markers=True))
show(plots.bars(probabilities[-1], x_title="code", y_title="p"), height=260)

# %% unconditional-says
prime = live.prime_codes(voice, 0.3)
on = generate(speech, samples=8000, prime=prime[None], seed=3, temperature=0.9)[0]
play(audio.mu_law_decode(torch.cat([prime, on])), label="0.3 s recorded, 0.5 s drawn")

# %% conditional
from core import speech_metrics
from core.wavenet import mel_edit, resynthesis

second = voice[8000:24_000]
SEMITONES, BLUR_BANDS, BLUR_MS = 0, 0, 0  # try -7, 4, 60
mel = mel_edit.edit(audio.mel(second), blur_bands=BLUR_BANDS, blur_ms=BLUR_MS, semitones=SEMITONES)
drawn = audio.mu_law_decode(generate(vocoder, mel=mel[None], samples=len(second), seed=0, temperature=0.7)[0])
sounds = {**resynthesis.references(second, mel, iterations=10), "wavenet": drawn}
for name, x in sounds.items():
    play(x, label=f"{name}: {speech_metrics.log_mel_distance_db(second, x):.1f} dB from the recording")
for title, values in {"given": mel, "drawn": audio.mel(drawn)}.items():
    show(plots.spectrogram(values, hop_ms=12.5, x_title="s", y_title="mel", unit="ln"), height=260, title_text=title)

# %% conditional-levels
from core import postfilter

for rounds in (0, 1, 3):
    filtered = postfilter.correct(drawn, mel, rounds=rounds).clamp(-1, 1)
    noise = postfilter.filtered_noise(mel, len(drawn), rounds=rounds)
    away = [speech_metrics.mel_distance_db(mel, audio.mel(x)[:, : mel.shape[1]]) for x in (filtered, noise)]
    print(f"{rounds} rounds: network {away[0]:.1f} dB from the mel, white noise {away[1]:.1f} dB")
play(filtered, label="network")
play(noise, label="noise")

# %% conditional-clock
from core.wavenet import pitch_figures

clock = pitch_figures.read(vocoder, mel)
seconds = [0.0125 * frame for frame in range(len(clock.f0))]
show(plots.lines({"F0": (seconds, clock.f0)}, x_title="s", y_title="Hz"))
first = int(len(clock.hand) * 0.5)
hand = {"cos φ": clock.hand[first : first + 64]}
show(plots.waveform(hand, sample_rate_hz=16_000 // clock.step_samples, x_title="s", y_title="cos φ"), height=240)

# %% race
from core.wavenet import race, race_figures
from core.wavenet.count import count

for step in race.story(samples=20)[-3:]:
    print({key: step[key] for key in ("window", "columns", "cached_columns", "naive", "cached")})
cost = count(vocoder.config)
print(f"multiply-adds a sample: naive {cost.naive:,}, cached {cost.cached:,}, ratio {cost.naive / cost.cached:,.0f}")
words = {"naive": "naive", "cached": "cached", "reach": "r", "x_title": "samples", "y_title": "multiply-adds"}
show(race_figures.operations(vocoder.config, samples=160_000, **words))

# %% race-clock
for engine in ("naive", "cached", generate.best(speech)[0]):
    print(f"{engine}: {race.measure(speech, engine, seconds=0.05):,.0f} samples/s")
same = [generate(speech, samples=16, seed=5, engine=engine)[0] for engine in ("naive", "cached")]
print("the same samples:", bool((same[0] == same[1]).all()))

# %% gpu-time
from dataclasses import replace

from core.wavenet import cuda_timeline
from core.wavenet.engines import cuda_plan

CLOCK_GHZ = 1.755  # an H100
plan = cuda_plan.choose(PRESETS["m"], architecture=90, shared_limit=232_448, multiprocessors=132)
for sounds_at_once in (1, 4):
    tasks = cuda_timeline.simulate(plan, samples=3, sounds=sounds_at_once)
    cycles = cuda_timeline.cycles_per_sample(tasks)
    busy = cuda_timeline.busy(tasks, "stage 0 chain")
    print(f"{sounds_at_once} sounds: {CLOCK_GHZ * 1e9 / cycles:,.0f} samples/s each, the first chain {busy:.0%} busy")

# %% gpu-floor
for layers in (10, 20, 30):
    deeper = replace(PRESETS["m"], layers=layers)
    plan = cuda_plan.choose(deeper, architecture=90, shared_limit=232_448, multiprocessors=132)
    floor = cuda_timeline.floor(plan)
    most = CLOCK_GHZ * 1e9 / floor.cycles
    print(f"{layers} layers: {floor.products} products, {floor.cycles:,.0f} cycles, at most {most:,.0f} samples/s")
