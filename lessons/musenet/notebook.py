# The code of the notebook on MuseNet: `# %% anchor` begins a cell of that section of en.md and ko.md.

# %% gpt2
import inspect

import torch

from core import midi, plots, weights
from core.gpt2 import figures, model, shapes
from core.gpt2.shapes import SIZES
from core.notebook import KEYS, play, show

composer = weights.load("musenet-composer")  # a GPT2
print(composer.config)
print(inspect.getsource(model.model))

# %% gpt2
# The names of the lecture's listing: `scope` stands for TensorFlow's variable scopes.
ids = torch.arange(12)[None] % composer.config.n_vocab
with torch.no_grad():
    found = model.model(composer.config, ids, scope=composer.scope)
    quick, _ = composer(ids)
print({name: list(value.shape) for name, value in found.items()})
print("the same as the module's:", torch.allclose(found["logits"], quick, atol=1e-4))

# %% gpt2-sizes
for size, config in {**SIZES, "composer": composer.config}.items():
    total = sum(shapes.count(shape) for shape in shapes.variables(config).values())
    print(f"{size:<10}{config.n_layer} layers, {config.n_head} heads, width {config.n_embd}: {total:,} parameters")
show(figures.parameters(composer.config, KEYS), height=380)

# %% past
scope = model.Scope(composer, "model") / "h0" / "attn"
x = torch.randn(1, 6, composer.config.n_embd, generator=torch.Generator().manual_seed(0))
with torch.no_grad():
    whole, _ = model.attn(x, scope, composer.config.n_embd, past=None, hparams=composer.config)
    _, present = model.attn(x[:, :5], scope, composer.config.n_embd, past=None, hparams=composer.config)
    last, _ = model.attn(x[:, 5:], scope, composer.config.n_embd, past=present, hparams=composer.config)
print("keys and values of 5 tokens:", list(present.shape))
print("the sixth is the same with a past:", torch.allclose(whole[:, 5:], last, atol=1e-5))
tokens = "chopin +piano <start> v72 G4 wait C5 E5 wait ~G4".split()
show(figures.looks(7, tokens, KEYS), height=460)

# %% past-cost
config = SIZES["small"]
for position in (16, 128, 1024):
    kept, anew = shapes.multiplications(config, 1, position - 1), shapes.multiplications(config, position)
    size = shapes.past_bytes(config, position) / 1e6
    print(f"token {position}: {kept:,} multiplications with a past of {size:.1f} MB, {anew:,} without")
counts = {place: (shapes.counted(config, 1, place - 1), shapes.counted(config, place)) for place in (16, 128)}
show(figures.growth(config, counts, KEYS), height=380)

# %% past-race
import time

from core.gpt2.sample import BufferedPast, WithoutPast, generate
from core.musenet import vocabulary
from core.sampling import uniforms_of

start = torch.tensor([vocabulary.header("chopin", ["piano"])])
uniforms, curves, rows = uniforms_of(1, 64), {}, {}
for name, reader in {"without": WithoutPast, "with": BufferedPast}.items():
    moments, drawn, began = [], [], time.perf_counter()
    for token in generate(composer, start, uniforms, past=reader(composer, 1)):
        drawn.append(int(token[0]))
        moments.append(time.perf_counter() - began)
    rows[name], curves[name] = drawn, figures.speeds(moments)
print("the same tokens:", rows["with"] == rows["without"])
show(figures.race(curves, KEYS), height=340)

# %% composer
from core.musenet import encoding, sample

RATE_HZ = 22_050
settings = sample.Settings("chopin", ("piano",), tokens=150, temperature=1.0, top_p=0.95)
primer = midi.read("assets/midi/rondo-alla-turca.mid").midi
row = sample.begin(settings, primer, primer_s=3.0)
print(" ".join(vocabulary.name(token) for token in row[:12]))
ways = [[], []]
for step in sample.together(composer, row, settings, seed=1, count=2):
    for way, token in zip(ways, step):
        way.extend([] if token is None else [token])
for number, way in enumerate(ways, start=1):
    score = encoding.decode([*row, *way])
    play(midi.render(score, sample_rate_hz=RATE_HZ), RATE_HZ, label=f"{number}: {sample.produced(way)} notes")

# %% composer-mask
from core.musenet.grammar import State, faults
from core.sampling import Options, distribution, draw

state = State(row)
allowed = torch.from_numpy(state.allowed())
print(f"{int(allowed.sum())} of {len(allowed)} tokens may come next")
logits = sample.Reader(composer, row).logits[0]
free = distribution(logits[None], Options())[0]
masked = distribution(logits[None], Options(top_p=0.9), allowed)[0]
print(f"the network gives {float(free[~allowed].sum()):.4f} to what may not come")
print("drawn:", [vocabulary.name(int(draw(masked[None], torch.tensor([u]))[0])) for u in (0.1, 0.5, 0.9)])
print("faults in what was drawn:", faults([*row, *ways[0]]))
best = masked.topk(12)
show(plots.bars(best.values, x=[vocabulary.name(token) for token in best.indices.tolist()], x_title="", y_title="p"))

# %% composer-limits
for metric in weights.card("musenet-composer")["metrics"][:8]:
    print(f"{metric['name']}, {metric['split']}: {metric['value']:.3g}")
