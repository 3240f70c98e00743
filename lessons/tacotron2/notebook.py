# The code of the notebook on Tacotron 2: `# %% anchor` begins a cell of that section of en.md and ko.md.

# %% ids
from core import audio, plots, tacotron2, weights
from core.notebook import KEYS, play, show
from core.tacotron2 import figures, sample
from core.text.tokens import shown, tokens

TEXT = "Will we ever forget it?"
model = sample.load("en")
found = tokens(TEXT, "en", unit=model.config.unit)
print([f"{shown(symbol)} {number}" for symbol, number in zip(found.symbols, found.ids)])
print(len(sample.sentences(tokens("One. Two. Three.", "en", unit=model.config.unit))), "sentences")
print("인공 지능:", tokens("인공 지능", "ko").ids)

# %% ids
import torch

with torch.no_grad():
    memory = model.encoder(torch.tensor([found.ids]), torch.tensor([len(found)]))
print("encoded:", list(memory.shape))

# %% speak
made = list(sample.steps(found, model=model, seed=0))  # one decoder step after the other
print(f"{len(made)} steps of {made[0].frames.shape[1]} frames; stop: {[round(step.stop, 2) for step in made[-5:]]}")
said = sample.gathered(found, made, model)
seconds = model.config.frames_per_step * figures.FRAME_S
show(figures.alignment(said.alignment, said.tokens.symbols, step_s=seconds, words=KEYS), height=440)
play(sample.vocode(said.mel, vocoder="wavenet", seed=0), label=TEXT)

# %% speak
korean = tacotron2.synthesize("반갑습니다.", "ko", vocoder="griffin-lim", seed=0)
play(korean.audio, label=f"{korean.mel.shape[1]} frames, stopped by itself: {korean.stopped}")

# %% speak-postnet
mels = {"before": said.mel_before, "after": said.mel, "difference": said.mel - said.mel_before}
show(figures.mels(mels, words=KEYS, signed="difference"), height=560)

# %% energies
from core.tacotron2.attention import terms

STEP = 10
parts = terms(model, said, STEP)
show(figures.energies(parts, said.tokens.symbols, with_location=True, words=KEYS), height=460)
for name, weight in {"with location": parts.weights, "without": parts.weights_without}.items():
    best = int(weight.argmax())
    print(f"{name}: {shown(said.tokens.symbols[best])} ({best}), {float(weight[best]):.2f}")

# %% energies-units
show(figures.units(parts, int(parts.weights.argmax()), with_location=True, words=KEYS), height=420)
summed = (parts.v * torch.tanh(parts.query + parts.keys + parts.location)).sum(dim=1)
print("v · tanh(Ws + Vh + Uf), up to a constant:", (summed - parts.energies).std().item() < 1e-3)

# %% learned
from core.tacotron2.checkpoints import at_step, kept_steps

for step in [*kept_steps(model.others), None]:
    young = model if step is None else at_step(model, step)
    read = sample.decode(found, model=young, seed=0, max_seconds=2.0)
    print(f"after {step or 'all'} steps: {len(read.stop)} decoder steps, stopped by itself: {read.stopped}")
    width = read.mel.shape[1] / len(read.stop) * figures.FRAME_S
    show(figures.alignment(read.alignment, read.tokens.symbols, step_s=width, words=KEYS), height=320)

# %% failures
from core.tacotron2.attention import reading

HARD = "no no no no no, two two two."
whole = tokens(HARD, "en", unit=model.config.unit)
for attention, dropout in (("location", 0.5), ("content", 0.5), ("location", 0.9)):
    stressed = sample.decode(whole, model=sample.load("en", attention), seed=0, prenet_dropout=dropout, max_seconds=4)
    judged = reading(stressed.alignment, whole.symbols, stopped=stressed.stopped)
    print(f"{attention}, dropout {dropout}: in order {judged.in_order:.0%}, missed {judged.missed}, "
          f"back {len(judged.repeats)} times, stopped {judged.stopped}")

# %% vocoders
from core import held_out
from core.tacotron2.measure import warped_distortion

natural = held_out.load("b0487")[:16_000]
mel = audio.mel(natural)
for vocoder in sample.VOCODERS:
    copy = sample.vocode(mel, vocoder=vocoder)
    play(copy, label=f"{vocoder}: {warped_distortion(copy, natural):.1f} dB from the recording")
show(plots.spectrogram(mel, hop_ms=12.5, x_title="s", y_title="mel", unit="ln"))

# %% vocoders-measured
for metric in weights.card("tacotron2-english")["metrics"]:
    if "Tacotron 2" in metric["name"]:
        print(f"{metric['name']}, {metric['split']}: {metric['value']:.3g}")
