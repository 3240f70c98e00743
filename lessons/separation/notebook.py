# The code of the notebook on source separation: `# %% anchor` begins a cell of that section of en.md and ko.md.

# %% apart
import torch

from core import audio, plots, weights
from core.notebook import KEYS, play, show
from core.separation import excerpts
from core.separation.sample import stream

SECONDS, START_S = 2.5, 16.0
network = weights.load("separation-4stems")
rate = excerpts.index()["verse"].sample_rate_hz
cut = slice(round(START_S * rate), round((START_S + SECONDS) * rate))
truth = {name: part[:, cut] for name, part in excerpts.load("verse").items()}  # float32 [C, T]
song = sum(truth.values())
play(song, rate, label="song")
blocks = list(stream(song, rate, network=network))
parts = {name: torch.cat([block[name] for block in blocks], dim=1) for name in blocks[0]}
for name, part in parts.items():
    play(part, rate, label=name)
print(f"the parts add up to the song, but for {float((sum(parts.values()) - song).abs().max()):.1e}")

# %% masks
from core.separation import look

seen = look.look(song[:, : round(2 * rate)], rate, network)
picture = look.picture(seen, seen.masks.float())
show(plots.heatmap(picture.mixture, x_title="frame", y_title="mel", low=0, high=1), height=240, title_text="song")
for name, mask in picture.masks.items():
    show(plots.heatmap(mask, x_title="frame", y_title="mel", low=0, high=1), height=240, title_text=name)

# %% masks
# Half a second of the voice painted away, below 8 kHz; the others get it.
stroke = look.Stroke("vocals", 0.5, 1.0, 0.0, 8000.0, 0.0)
painted = look.painted(seen, [stroke])
play(look.heard(seen, painted)["vocals"], seen.config.sample_rate_hz, label="vocals, painted")

# %% masks-oracle
from core.separation import oracle

config = seen.config
true = torch.stack([truth[name] for name in config.sources])[..., : round(2 * rate)]
true = audio.resample(true, rate, config.sample_rate_hz)[..., : seen.x.shape[1]]
found = {"network": torch.stack(list(look.heard(seen, seen.masks.float()).values()))}
found |= {method: oracle.oracle(true, config, method) for method in oracle.METHODS}
for method, estimates in found.items():
    ratios = [f"{name} {oracle.sdr(a, b):.1f}" for name, a, b in zip(config.sources, true, estimates)]  # nan: silent
    print(f"{method:<8} SDR in dB: {', '.join(ratios)}")

# %% data
from core.separation import data_figures, datasets

for one in datasets.everything().values():
    print(f"{one.name:<20}{one.hours('train'):.1f} h, {len(one.stems)} parts, {one.mixtures():,} mixtures")
show(data_figures.mixtures(list(datasets.everything().values()), KEYS))

# %% data-desk
gains_db = {"vocals": 0, "drums": -6, "bass": 0, "other": -60}
mixed = sum(10 ** (gains_db[name] / 20) * part for name, part in truth.items())
play(mixed, rate, label=str(gains_db))

# %% data-remix
from core.separation import remix_example

example = remix_example.example(seed=4)
for one in example.placed:
    where = f"{one.excerpt}, {one.start_s:.1f} – {one.end_s:.1f} s"
    print(f"{one.part} of {where}, speed {one.speed:.2f}, {one.gain_db:+.1f} dB")
mixture = example.parts.sum(dim=0)[..., : 3 * example.sample_rate_hz]
play(mixture / mixture.abs().max(), example.sample_rate_hz)

# %% architecture
from core.separation.shapes import describe, without_lstm

for name, sizes in {"MMDenseLSTM": network.config, "MMDenseNet": without_lstm(network.config)}.items():
    facts = describe(sizes, seconds=3)
    print(f"{name}: {facts.parameters:,} parameters in {len(facts.blocks)} blocks")

# %% architecture-dense
for name, block in describe(network.config, seconds=3).blocks.items():
    view = "everything" if block.whole else f"{block.reach_frames} frames, {block.reach_bins} bins"
    print(f"{name:<16}{block.layers} layers, {block.input} -> {block.output}, sees {view}")

# %% architecture-lstm
import numpy as np

from core.separation.shapes import follow

band = network.config.bands[0]
last = list(follow(band, 256, 256).items())[-1]  # along time, LSTM blocks left out
low, high = last[1]
print(f"{last[0]}: cell 128 sees cells {low[128]} … {high[128]}; the longest view {int(np.max(high - low)) + 1}")

# %% architecture-measured
for name in ("separation-4stems", "separation-vocals"):
    for metric in weights.card(name)["metrics"][:6]:
        print(f"{name}: {metric['name']}: {metric['value']:.3g}")

# %% scores
from core.separation import degrade, scores_figures
from core.separation.scores import References

scene = degrade.scene()
target, others = (x[:, : 2 * scene.sample_rate_hz] for x in (scene.target, scene.others))
wrong = {"interference": 0.3, "artefacts": 0.0, "spatial": 0.0, "noise": 0.1}
estimate = degrade.degrade(target, others, **wrong)
judged, components = References(np.stack([target, others])).judge(estimate, 0)
print({name: round(value, 1) for name, value in judged.items()})
show(scores_figures.bars(judged, words=KEYS), height=260)
play(estimate, scene.sample_rate_hz)

# %% scores-computed
from core.separation.scores import metrics_of

again = metrics_of(components)
print({name: round(value, 1) for name, value in again.items()})

# %% sisec
from core.separation import sisec

scores = sisec.table()
rows = sisec.shown(scores, group="all", order="vocals", metric="SDR")
medians = scores.medians("SDR")[rows]
names = [scores.methods[i].name for i in rows]
show(plots.heatmap(medians, x=list(sisec.TARGETS), y=names, x_title="", y_title="", unit="dB"), height=640)

# %% sisec-tracks
easy, quartiles = sisec.by_ease(scores, rows, "vocals", "SDR")
print("easiest:", [scores.tracks[i] for i in easy[:3]], "hardest:", [scores.tracks[i] for i in easy[-3:]])

# %% sisec-pair
first, second = names[:2]
pair = sisec.compare(scores, first, second, target="vocals", metric="SDR")
print(f"{first} against {second}: better on {pair.first_better}, worse on {pair.second_better} songs; p = {pair.p:.1e}")
