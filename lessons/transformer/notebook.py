# The code of the notebook on the Transformer: `# %% anchor` begins a cell of that section of en.md and ko.md.

# %% tokens
import torch

from core import midi, plots, weights
from core.midi import events
from core.notebook import KEYS, play, show

RATE_HZ = 22_050
score = midi.read("assets/midi/rondo-alla-turca.mid").midi
ids = midi.encode(score)[:160]
print([events.name(event) for event in ids[:12]])
found = events.trace(ids)  # which token began and ended each note
print(f"{len(ids)} tokens, {len(found.notes.pitch)} notes, {found.time_s[-1]:.1f} s")
play(midi.render(midi.decode(ids), sample_rate_hz=RATE_HZ), RATE_HZ)

# %% tokens-edit
from core.midi import grammar

# Three notes of a chord, half a second long, at one velocity.
chord = events.encode_notes([0, 0, 0], [0.5, 0.5, 0.5], [60, 64, 67], [80, 80, 80])
print(grammar.write_text(chord))
edited = grammar.read_text("NOTE_ON<60> NOTE_ON<60> TIME_SHIFT<500> NOTE_OFF<64>")
print([(problem.place, problem.kind) for problem in grammar.problems(edited)])

# %% attention
from core.transformer.attention import attention, causal_mask
from core.transformer.sentence.model import look, read

relative_model, absolute_model = weights.load("transformer-sentence"), weights.load("transformer-sentence-absolute")
words = read("the old bells near the girl ring .")
seen = look(relative_model, words)
HEAD = 1
labels = [f"{number} {word}" for number, word in enumerate(words)]
show(plots.heatmap(seen.weights[HEAD], x=labels, y=labels, x_title="key", y_title="query", low=0, high=1, down=True))
place = words.index("girl")
print(f"after {' '.join(words[: place + 1])!r}:", [f"{word} {share:.3f}" for word, share in seen.top(place)])

# %% attention
# The same head by the equation: softmax((q k' + S) / sqrt(D)) v, the future hidden.
q, k, v = seen.queries[HEAD], seen.keys[HEAD], seen.values[HEAD]
mixed, shares = attention(q, k, v, bias=seen.position[HEAD], mask=causal_mask(len(words)))
print("equal to the network's:", torch.allclose(shares, seen.weights[HEAD], atol=1e-5))

# %% attention-scale
from core.transformer.scale import curve, largest_weight

widths = (1, 4, 16, 64, 256)
normals = torch.randn(2, 32, max(widths), generator=torch.Generator().manual_seed(0))
found = curve(widths, normals=normals)
curves = {"1 / sqrt(D)": (widths, found[True]), "1": (widths, found[False])}
show(plots.lines(curves, x_title="D", y_title="largest weight", markers=True, log_x=True))
print(f"{largest_weight(normals[0], normals[1], scaled=False):.2f}")

# %% attention-notes
music = weights.load("transformer-relative")
logits, shares = music.look(torch.tensor([ids[:64]]))  # shares: [layers, 1, H, N, N]
print("attention:", list(shares.shape))
show(plots.heatmap(shares[-1, 0, 0], x_title="key", y_title="query", down=True), height=440)
chances, best = logits[0, -1].softmax(-1).topk(3)
print([f"{events.name(event)} {share:.2f}" for event, share in zip(best.tolist(), chances)])
print("what came:", events.name(ids[64]))

# %% relative
from core.transformer.attention import relative, relative_direct, sinusoids
from core.transformer.sentence import data
from core.transformer.sentence.model import numbers

show(plots.heatmap(sinusoids(32, 12).T, x_title="position", y_title="channel", signed=True), height=260)
right = data.decided(tuple(words))[0]
for shift in (0, 3, 6):
    chance = [float(look(m, words, shift=shift).guesses[right - 1, numbers()[words[right]]])
              for m in (relative_model, absolute_model)]
    print(f"moved by {shift}: {words[right]!r} relative {chance[0]:.3f}, absolute {chance[1]:.3f}")

# %% relative-skew
from core.transformer import skewing
from core.transformer.attention import skew

q, embeddings = torch.randn(1, 2, 6, 4), torch.randn(2, 6, 4)  # [B, H, L, D], [H, L, D]
lower = causal_mask(6)
difference = (relative(q, embeddings) - relative_direct(q, embeddings)) * lower
print(f"skewing against the direct form: {float(difference.abs().max()):.1e}")
for name, array in skewing.labels(4)._asdict().items():
    print(name, array.tolist())
print(skew(torch.arange(16.0).view(1, 1, 4, 4))[0, 0].tolist())

# %% relative-memory
from core.transformer.memory import formula

for length in (650, 2048):
    sizes = {form: sum(formula(form, length)) / 1e6 for form in ("direct", "skew")}
    print(f"L = {length}: {sizes['direct']:,.0f} MB by the direct form, {sizes['skew']:,.0f} MB by skewing")

# %% music
from core.transformer import sample
from core.transformer.melody import skyline

drawn = list(sample.generate(music, ids[:80], events=160, seed=1))
play(midi.render(midi.decode([*ids[:80], *drawn]), sample_rate_hz=RATE_HZ), RATE_HZ, label="played on")
melody = skyline(events.decode_notes(ids[:80]))
below = list(sample.accompany(music, melody, seed=1, per_second=20))
play(midi.render(midi.decode(below), sample_rate_hz=RATE_HZ), RATE_HZ, label="below the melody")

# %% music-arcs
from core.transformer import figures
from core.transformer import look as looking

piece = [*ids[:80], *drawn]
arcs = looking.note_arcs(music, piece, note=40, layer=1)
print("note 40 looked at (note, head, share):", [(note, head, round(share, 2)) for note, head, share in arcs.rows[:6]])
networks = {"relative": music, "absolute": weights.load("transformer-absolute")}
names, edges = {name: name for name in networks}, (1, 4, 16, 64)
shares = {name: looking.reach(model, piece, edges=edges) for name, model in networks.items()}
show(figures.reach(shares, edges=edges, names=names, words=KEYS), height=420)
bits = {name: looking.running(looking.surprise(model, piece)) for name, model in networks.items()}
show(figures.surprise(events.trace(piece).time_s[1:], bits, names=names, words=KEYS), height=320)

# %% music-measured
for name in ("transformer-relative", "transformer-absolute"):
    for metric in weights.card(name)["metrics"]:
        print(f"{name}: {metric['name']}, {metric['split']}: {metric['value']:.3f}")

# %% chorales
from core.sampling import Options, uniforms_of
from core.transformer import chorales, chorales_corpus, chorales_figures, chorales_sample

bach = chorales_corpus.examples()[0]
steps = bach.steps[:32]  # two measures, sixteenth by sixteenth
print(chorales.line_text(steps[:, 0]), "->", chorales.serialise(steps)[:8])
settings = {"Bach": (steps, None)}
for position in ("relative", "absolute"):
    network = weights.load(f"transformer-chorales-{position}")
    uniforms = uniforms_of(1, 3 * len(steps), batch=2)
    best = chorales_sample.harmonise(network, steps[:, 0], uniforms, options=Options(temperature=0.8))[0]
    settings[position] = (best.steps, best.nats)
show(chorales_figures.settings(settings, words=KEYS), height=640)
for name, (voices, _) in settings.items():
    sound = midi.render(chorales.to_midi(voices, quarters_per_minute=100), sample_rate_hz=RATE_HZ)
    play(sound, RATE_HZ, label=name)
