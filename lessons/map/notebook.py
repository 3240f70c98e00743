# The code of the notebook on the map of audio processing: `# %% anchor` begins a cell of that section.

# %% field
import numpy as np
import torch

from core import audio, plots, weights
from core.events.sample import identify
from core.mir.beats import beats
from core.mir.pitch import pitch
from core.notebook import play, show
from core.recognition.sample import recognise

RATE = 16_000
network = {name: weights.load(name) for name in ("recognition-english", "enhancement", "events", "tags-musicnn")}


def load(path, seconds=3.0):
    x, rate = audio.read(path)
    return audio.resample(x.mean(dim=0), rate, RATE)[: int(seconds * RATE)]


for path in ("kathleen_b0481.flac", "map/heard-dog-one.ogg", "map/mir-song.opus"):
    sound = load(f"assets/audio/{path}")
    heard, named = recognise(network["recognition-english"], sound), identify(network["events"], sound)
    tuned, tapped = pitch(sound, RATE), beats(sound, RATE)
    play(sound, label=path)
    print(f"  text {heard.text!r}, sure {heard.confidence:.2f}; event {named.verdict}, {named.top5[0][1]:.2f}; "
          f"pitch {tuned.verdict}, {tuned.certainty:.2f}; {tapped.tempo.bpm:.0f} beats/min, {tapped.confidence:.2f}")

# %% recognition
from core.recognition.model import ALPHABET, SECONDS_PER_STEP
from core.recognition.sample import posteriors

voice = load("assets/audio/kathleen_b0481.flac")
log_probs = posteriors(network["recognition-english"], voice)  # float [T, 29]
names = ["–", *("␣" if letter == " " else letter for letter in ALPHABET[1:])]
seconds = np.arange(len(log_probs)) * SECONDS_PER_STEP
show(plots.heatmap(np.exp(log_probs).T, x=seconds, y=names, x_title="s", y_title=""), height=480)

# %% recognition-decoding
from core.recognition.beam import beam
from core.recognition.ctc import collapse
from core.recognition.sample import greedy

print("collapse [a, a, –, a, b]:", collapse([1, 1, 0, 1, 2]))
print("greedy:    ", greedy(log_probs).text)
for model, weight in ((None, 0.0), (network["recognition-english"].language_model, 0.45)):
    found = beam(log_probs, 8, model, weight=weight, bonus=0.6 * (weight > 0))
    print(f"beam, {weight}: ", found.text, f"ln p {found.log_probability:.1f}")
print("step 40:", [prefix.text for prefix in found.steps[40]])

# %% recognition-align
from core.recognition import ctc
from core.recognition.model import encode_text
from core.recognition.sample import align, confidence

TEXT = "the task we set ourselves was threefold"
aligned = align(log_probs, TEXT)
for word in aligned.words:
    print(f"{word.start_s:5.2f} – {word.end_s:.2f} s  {word.text:<10} {word.score:.2f}")
alpha = ctc.forward_variables(log_probs, encode_text(TEXT))  # [T, 2 U + 1]
print(f"ln p(text | sound) = {np.logaddexp(alpha[-1, -1], alpha[-1, -2]):.2f} = {aligned.text_log_probability:.2f}")
print(f"confidence {confidence(network['recognition-english'], log_probs):.2f}")
show(plots.heatmap(alpha.T, x_title="step", y_title="state", unit="ln", low=float(alpha[-1].max()) - 60))

# %% recognition-measured
for metric in weights.card("recognition-english")["metrics"][:12]:
    print(f"{metric['name']}, {metric['split']}: {metric['value']:.3g}")

# %% enhancement
from core.enhancement import clips
from core.enhancement.gating import spectral_gating
from core.enhancement.mixing import mix
from core.enhancement.sample import enhance, speech_share
from core.enhancement.train import scale_invariant_ratio_db

NOISE, RATIO_DB = "rain", 0
mixture, noise = mix(audio.level_to(voice, dbfs=-26), clips.load(NOISE), RATIO_DB, seed=0)
cleaned = enhance(network["enhancement"], mixture)
gated, _ = spectral_gating(mixture)
for name, x in {"mixture": mixture, "network": cleaned.audio, "gating": gated}.items():
    play(x, label=f"{name}: SI-SDR {float(scale_invariant_ratio_db(x, mixture - noise)):.1f} dB")
print(f"speech in {speech_share(cleaned):.0%} of the frames")
show(plots.spectrogram(cleaned.mask.abs().T, hop_ms=16, x_title="s", y_title="bin", unit="", low=0, high=1))

# %% enhancement-measured
for metric in weights.card("enhancement")["metrics"][:12]:
    print(f"{metric['name']}, {metric['split']}: {metric['value']:.3g}")

# %% events
dog = load("assets/audio/map/heard-dog-one.ogg")
found = identify(network["events"], dog)
print(found.verdict, [f"{name} {share:.3f}" for name, share in found.top5])
best = found.classes.index(found.top5[0][0])
show(plots.heatmap(found.cam[best].T, x_title="place in time", y_title="place in frequency", signed=True))

# %% events-again
from core.events.augment import levelled
from core.events.sample import padded
from core.events.spectrogram import log_mel, triangles
from core.spotlight import brightest, enlarged, shuffled, split

config, whole = network["events"].config, padded(dog)
mask = brightest(found.cam[best], 0.1)
for name, chosen in {"brightest tenth": mask, "a tenth at random": shuffled(mask)}.items():
    gain = enlarged(chosen, config.shrink, config.bands.frames(len(whole)))
    lit, rest = split(whole, gain, triangles(config.bands), hop_samples=config.bands.hop_samples)
    for part, x in {"alone": lit, "taken away": rest}.items():
        with torch.inference_mode():
            shares = network["events"](log_mel(levelled(x), config.bands)[None])[0].softmax(dim=0)
        share = float(shares[config.classes.index(found.classes[best])])
        play(x, label=f"{name}, {part}: {found.classes[best]} {share:.3f}")

# %% events-time
show(plots.heatmap(found.per_second.T, y=list(found.classes), x_title="window", y_title="", low=0, high=1))

# %% events-scene
street = identify(network["events"], load("assets/audio/map/heard-street.ogg", 10))
print([f"{name} {float(share):.2f}" for name, share in zip(street.classes, street.scene)])

# %% events-good
for metric in weights.card("events")["metrics"][:8]:
    print(f"{metric['name']}, {metric['split']}: {metric['value']:.3g}")

# %% pitch
from core.mir import autocorrelation, crepe, yin
from core.mir.frames import pitch_frames
from core.mir.notes import name
from core.mir.tones import tone

sung = load("assets/audio/map/mir-sung.opus", 2).numpy().astype(np.float64)
frames = pitch_frames(sung)
found = pitch(sung, RATE, method="pyin")
activation = crepe.activation(sung, hop_samples=640, model=weights.load(crepe.NAME))
curves = {"autocorrelation": autocorrelation.track(frames)[0], "YIN": yin.track(frames)[0], "CREPE": activation.f0_hz}
curves = {method: (np.linspace(0, 2, len(f0)), f0) for method, f0 in curves.items()}
curves["pYIN"] = (found.times_s, np.where(found.voiced, found.f0_hz, np.nan))
show(plots.lines(curves, x_title="s", y_title="Hz"))
play(sung, label=f"{found.verdict}: {found.certainty:.2f}, {name(float(np.median(found.f0_hz[found.voiced])))}")
play(0.3 * tone(found.times_s, found.f0_hz, found.voiced, len(sung), RATE), label="tone")

# %% pitch-yin
steps = yin.yin_steps(sung, RATE, 1.0)
lags = np.arange(len(steps.normalised))
scaled = steps.difference / steps.difference.max()
show(plots.lines({"d(τ)": (lags, scaled), "d'(τ)": (lags, steps.normalised)}, x_title="τ", y_title=""))
print(f"lag {steps.dip}, below the threshold: {steps.below}, between samples {steps.interpolated:.2f}: "
      f"{RATE / steps.interpolated:.1f} Hz")
frame = steps.frame[None]
by_parts = yin.cumulative_mean_normalised(yin.difference(frame))[0]
print("the same from its parts:", np.allclose(by_parts, steps.normalised))

# %% pitch-path
from core.mir.viterbi import banded, jumps

likely = np.log(np.maximum(activation.bins.astype(np.float64), crepe.FAINTEST))  # [F, 360]
start = np.full((1, crepe.BINS), -np.log(crepe.BINS))
_, path, score = banded(likely[:, None], jumps(crepe.BINS, crepe.REACH_BINS), np.zeros((1, 1)), start)
moves = {"best bin of each frame": likely.argmax(axis=1), "path": path}
for method, bins in moves.items():
    print(f"{method}: largest step {np.abs(np.diff(bins)).max()} bins")
figure = plots.heatmap(activation.bins.T, x_title="frame", y_title="bin", low=0, high=1)
figure.add_scatter(y=path, mode="lines", line={"color": plots.MODEL})
show(figure)

# %% beats
from core.mir.clicks import with_clicks

song = load("assets/audio/map/mir-song.opus", 6).numpy().astype(np.float64)
tapped = beats(song, RATE)
print(f"{tapped.tempo.bpm:.1f} beats a minute or {tapped.tempo.other_bpm:.1f}, confidence {tapped.confidence:.2f}")
play(with_clicks(song, RATE, tapped.beats_s), label="clicks")
seconds = np.arange(len(tapped.local)) / tapped.envelope.rate_hz
figure = plots.lines({"O(t)": (seconds, tapped.local)}, x_title="s", y_title="")
for second in tapped.beats_s:
    figure.add_vline(second, line={"color": plots.MODEL, "width": 1})
show(figure)

# %% beats-path
for tightness in (1, 100, 10_000):
    other = beats(song, RATE, tightness=tightness)
    print(f"α = {tightness}: {len(other.beats_s)} beats, intervals {np.diff(other.beats_s).round(2)[:8]}")
show(plots.lines({"C*(t)": (seconds, tapped.score)}, x_title="s", y_title=""))

# %% beats-tempo
from core.mir import tempo

for start_bpm in (60, 120, 200):
    found = tempo.estimate(tapped.envelope.strength, tapped.envelope.rate_hz, start_bpm=start_bpm)
    print(f"around {start_bpm}: {found.bpm:.1f}")
prior = tempo.prior(found.curve_bpm)
curves = {"r": (found.curve_bpm, found.curve), "W": (found.curve_bpm, prior)}
show(plots.lines(curves, x_title="beats/min", y_title="", log_x=True))

# %% genre
from core.tags.sample import genre, tags

piece = load("assets/audio/map/heard-electronic.ogg", 6)
found = tags(network["tags-musicnn"], piece)
named = genre(network["tags-musicnn"], found)
play(piece, label=f"{named.verdict}; music {named.music:.2f}; {[f'{tag} {share:.2f}' for tag, share in found.top(5)]}")
top = [tag for tag, _ in found.top(10)]
shares = found.over_time[:, [found.names.index(tag) for tag in top]]
show(plots.heatmap(shares.T, x=found.seconds, y=top, x_title="s", y_title=""))

# %% genre-evidence
from core.tags.sample import evidence

for tag, _ in found.top(1):
    for_and_against = evidence(network["tags-musicnn"], piece[: 3 * RATE], tag)  # [T, F]
    show(plots.heatmap(for_and_against.T, x_title="frame", y_title="mel", signed=True), height=280, title_text=tag)

# %% genre-good
for metric in weights.card("tags-musicnn")["metrics"][:8]:
    print(f"{metric['name']}, {metric['split']}: {metric['value']:.3g}")

# %% tastes
for path in ("map/taste-units.ogg", "wavenet/speech_t090.flac", "separation/stored/verse-4stems-vocals.ogg"):
    sound, rate = audio.read(f"assets/audio/{path}")
    play(sound, rate, label=path)
