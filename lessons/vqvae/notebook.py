# The code of the notebook on VQ-VAE: `# %% anchor` begins a cell of that section of en.md and ko.md.

# %% codes
import torch

from core import audio, plots, weights
from core.notebook import play, show
from core.vqvae import sample

coder = sample.load("vqvae-speech")
voice = audio.load_voice("assets/audio/kathleen_b0487.flac")[:24_000]  # a second and a half
codes = coder.encode(voice)  # int64 [N]
print(codes.tolist())
print(f"{coder.codes_per_s:g} codes a second, {coder.bits_per_s:g} bits a second")
blocks = list(coder.stream(codes, "kathleen", seed=0))
play(voice, label="recorded")
play(torch.cat([block.audio for block in blocks]), label="from its codes")
play(coder.preview(codes, iterations=10), label="from its codes, by Griffin-Lim")

# %% codes-equations
from core.vqvae.quantiser import nearest, simplex

mel = audio.mel(voice)[:, : 2 * len(codes)]
with torch.no_grad():
    vectors = coder.front.encoder(coder.front.centred(mel[None]))  # [1, N, D]
codebook = coder.front.quantiser.codebook  # [K, D]
found = nearest(vectors, codebook)[0]
distance = torch.cdist(vectors[0], codebook).argmin(dim=1)
print("the nearest vectors, twice:", torch.equal(found, distance), found[:8].tolist())
print("a query on the simplex:", simplex(torch.tensor([1.0, -2.0, 3.0, 0.0])).tolist())
frames = coder.front.frames(codes[None], 0)[0]  # what the decoder says they are
show(plots.spectrogram(frames, hop_ms=12.5, x_title="s", y_title="mel", unit="ln"), height=260)

# %% codes-rate
from core.vqvae.quantiser import perplexity

for name in ("vqvae-32-20", "vqvae-128-40", "vqvae-512-80"):
    other = sample.load(name)
    own = other.encode(voice)
    busy = float(perplexity(own, other.front.config.codes))
    print(f"{name}: {other.bits_per_s:.0f} bits a second, {len(own)} codes, perplexity {busy:.1f}")
    play(other.preview(own, iterations=10), label=name)

# %% edit
from core.vqvae import look

common = int(codes.bincount().argmax())
real, places = look.recorded(coder, [voice], common, sequences=[codes])
print(f"code {common} stands at {places} places")
play(real, label="where it was recorded")
play(coder.preview(look.alone(common), iterations=10), label="alone")
typical = coder.typical(repeats=4)  # [K, 80]
show(plots.lines({f"code {common}": (range(80), typical[common])}, x_title="band", y_title="ln"), height=280)

# %% edit-change
other = int(codes[len(codes) // 2])
changed = {
    "swapped": sample.swapped(codes, common, other),
    "shuffled": sample.shuffled(codes, 8, seed=1),
    "stretched": sample.stretched(codes, 1.5),
}
for name, edited in changed.items():
    play(coder.preview(edited, iterations=10), label=f"{name}: {len(edited)} codes")

# %% codebook
from core.vqvae import codebooks

kept = codebooks.load()
for metric in ("dead", "perplexity"):
    curves = {name: (run.steps, getattr(run, metric)) for name, run in kept.items()}
    show(plots.lines(curves, x_title="step", y_title=metric, markers=True), height=320)

# %% codebook-look
from core.vqvae.quantiser import VectorQuantiser, diversity

torch.manual_seed(0)
centres = torch.tensor([[2.0, 0.0], [-1.0, 2.0], [-1.0, -2.0]])
points = torch.cat([centre + 0.1 * torch.randn(64, 2) for centre in centres])
for restart in (False, True):
    bottleneck = VectorQuantiser(16, 2, decay=0.8, restart=restart, restart_after=5).train()
    for _ in range(40):
        out = bottleneck(points[None])
    print(f"restart {restart}: {len(out.codes.unique())} of 16 codes in use, perplexity {float(out.perplexity):.1f}")
print("diversity, one code used:", float(diversity(torch.eye(4)[:1])), " all:", float(diversity(torch.eye(4))))

# %% codebook-argmax
from core.vqvae.quantiser import ArgmaxQuantiser

largest = ArgmaxQuantiser(8, 4).eval()
said = torch.randn(1, 5, 8)
print("the largest channels:", torch.equal(largest(said).codes, said.argmax(dim=-1)))

# %% convert
print(coder.speakers)
for speaker in coder.speakers:
    play(coder.preview(codes, speaker, iterations=10), label=speaker)
spoken = coder.speak(codes, coder.speakers[-1], seed=0)
play(spoken.audio, label=f"{spoken.speaker}, by WaveNet")

# %% convert-measured
from core.vqvae import conversion

there = conversion.portraits()  # of the speakers' own recordings
for name, sound in {"recorded": voice, spoken.speaker: spoken.audio}.items():
    one = conversion.portrait([sound])
    far = {speaker: round(conversion.distance_db(one, there[speaker]), 1) for speaker in coder.speakers}
    print(f"{name}: {one.f0_hz:.0f} Hz, dB from {far}")

# %% prior
from core.vqvae import examples, prior

network = weights.load("vqvae-prior")
with torch.no_grad():
    bits = float(prior.bits_per_code(network, codes[None]))
print(f"{bits:.2f} bits a code, of {coder.bits_per_s / coder.codes_per_s:g}")
made = prior.draw(network, 60, seed=1, temperature=0.9)
play(coder.preview(made, iterations=10), label="one level")

# %% prior-levels
drawn, front = examples.draw_codes("second", 60, seed=1, temperature=0.9)
play(sample.load(front).preview(drawn, iterations=10), label="two levels")
second = weights.load("vqvae-second")
level2 = second.encode(coder.front.quantiser.embed(codes[None]))[0]
again = second.expand(level2, seed=0)
print(f"{len(codes)} codes as {len(level2)} of level 2: {level2.tolist()}")
play(coder.preview(again, iterations=10), label="through level 2")

# %% piano
from core.vqvae.measure import chroma_agreement
from core.vqvae.train import without_clock

plain = without_clock(weights.load("wavenet-vocoder"))  # many notes at once have no one pitch
print(f"its condition has {plain.config.prepared_channels} numbers a frame: the mel alone")
piano, rate = audio.read("assets/audio/map/heard-piano.ogg")
piano = audio.level_to(audio.resample(piano.mean(dim=0), rate, 16_000)[:48_000])
sounds = {"mel, Griffin-Lim": audio.griffin_lim(audio.mel(piano), iterations=10), "reversed": piano.flip(0)}
if "vqvae-piano" in weights.names():
    keys = sample.load("vqvae-piano")
    sounds["codes"] = keys.preview(keys.encode(piano), iterations=10)
for name, sound in sounds.items():
    play(sound, label=f"{name}: chroma agreement {chroma_agreement(piano, sound):.2f}")
