# The code of the notebook on MelNet: `# %% anchor` begins a cell of that section of en.md and ko.md.

# %% interleave
import torch

from core import audio, plots, weights
from core.melnet.sample import enlarge
from core.melnet.tiers import FREQUENCY, axis_of, interleave, merge, split_tiers
from core.notebook import play, show

TIERS, FRAMES = 5, 48
voice = audio.load_voice("assets/audio/kathleen_b0487.flac")
mel = audio.mel(voice).T[20 : 20 + FRAMES]  # float32 [T, 80], log-mel
tiers = split_tiers(mel[None], TIERS)
for number, tier in enumerate(tiers, start=1):
    axis = "" if number == 1 else ("new bands" if axis_of(number) == FREQUENCY else "new frames")
    print(f"tier {number}: {list(tier.shape[1:])} {axis}")
print("put together again:", torch.equal(interleave(tiers)[0], mel))
print("two tiers, one step:", torch.equal(merge(tiers[0], tiers[1], 2), interleave(tiers[:2])))


def heard(log_mel):
    return audio.level_to(audio.griffin_lim(log_mel.T, iterations=10))


for count in (1, 3, 5):
    play(heard(enlarge(interleave(tiers[:count])[0], FRAMES)), label=f"the first {count} tiers")

# %% born
from core.melnet.sample import generate

network = weights.load("melnet-speech")
SEED, TEMPERATURE = 1, 0.8
drawn = list(generate(network, SEED, TEMPERATURE, frames=FRAMES))
for look in drawn:
    picture = plots.spectrogram(look.merged.T, hop_ms=12.5 * FRAMES / len(look.merged), x_title="s", y_title="band")
    show(picture, height=240, title_text=f"{look.tier}")
play(heard(drawn[-1].merged), label=f"seed {SEED}, temperature {TEMPERATURE}")

# %% born-freeze
kept = [look.own for look in drawn[:3]]
again = list(generate(network, SEED + 1, TEMPERATURE, frames=FRAMES, given=kept))
print("tiers drawn anew:", [look.tier for look in again])
same = torch.equal(split_tiers(again[-1].merged[None], TIERS)[0], split_tiers(drawn[-1].merged[None], TIERS)[0])
print("the first tier stayed:", same)
play(heard(again[-1].merged), label="the same first three tiers, others from there on")

# %% born-equations
from core.melnet.mixture import draw, mixture

with torch.no_grad():
    own = split_tiers(network.standardise(mel[None]), TIERS)
    found = network.tiers[0](own[0])  # of every bin of the first tier a mixture of ten Gaussians
print("means:", list(found.mean.shape), " nats a bin:", round(float(found.nats(own[0]).mean()), 3))
one = mixture(torch.zeros(30))  # ten Gaussians from numbers that say nothing
print("drawn:", [round(float(draw(one, torch.tensor([0.5, u]))), 2) for u in (0.1, 0.5, 0.9)])

# %% prime
from core.melnet.examples import beginning

prime = beginning(voice, 0.4, step=4)  # the voice's first frames
on = list(generate(network, 3, TEMPERATURE, frames=len(prime) + 32, prime=prime))[-1].merged
print("the beginning stayed:", torch.allclose(on[: len(prime)], prime, atol=1e-4))
show(plots.spectrogram(on.T, hop_ms=12.5, x_title="s", y_title="band", unit="ln"), height=280)
play(heard(on), label=f"{0.0125 * len(prime):.2f} s given, the rest drawn")

# %% prime
from core.melnet.session import TierSession

# The first tier, frame by frame: two that are known, then one that is drawn.
session = TierSession(network.tiers[0], None, TEMPERATURE)
bands = own[0].shape[2]
frames = [session.frame(torch.full((bands, 2), 0.5), known=frame) for frame in own[0][0, :2]]
print("the next frame:", session.frame(torch.full((bands, 2), 0.5))[:6])

# %% why
from core.melnet.look import lengths
from core.melnet.tiers import shapes

for count in (1, 5):
    print(f"{count} tiers, 4 s: {lengths(320, 80, count)}; tiers of {shapes(320, 80, count)}")

# %% why-nats
from core.melnet.measure import gaussian_nats, nats

stretch = audio.mel(voice).T[:256]
for name, (by_tier, mean) in {"MelNet": nats(network, stretch), "Gaussians": gaussian_nats(network, stretch)}.items():
    print(f"{name}: {mean:.3f} nats a bin, by tier {[round(float(one), 2) for one in by_tier]}")

# %% why-long
from core.melnet.measure import autocorrelation

lags = [k * 0.0125 for k in range(40)]
alike = {"recorded": autocorrelation(stretch, 40), "drawn": autocorrelation(drawn[-1].merged, 40)}
curves = {name: (lags, values) for name, values in alike.items()}
show(plots.lines(curves, x_title="s", y_title="r", roles=("reference", "model")))

# %% why-heard
single = weights.load("melnet-one-tier")
flat = list(generate(single, SEED, TEMPERATURE, frames=32))[-1].merged
play(heard(flat), label="one tier")
play(heard(drawn[-1].merged), label="five tiers")

# %% see
from core.melnet.look import place_of, visible

FRAME, BAND = 17, 31
tier, i, j = place_of(FRAME, BAND, TIERS)
print(f"bin ({FRAME}, {BAND}) is bin ({i}, {j}) of tier {tier}")
seen = visible(FRAME, BAND, 32, 80, TIERS)
picture = sum((number + 1) * mask for number, mask in enumerate(seen.values()))
print({stack: int(mask.sum()) for stack, mask in seen.items()})
show(plots.heatmap(picture.T, x_title="frame", y_title="band"), height=320)

# %% see-much
from core.melnet.look import influence

gradient = influence(network, mel[:32], FRAME, BAND)
show(plots.heatmap(gradient.T, x_title="frame", y_title="band", high=float(gradient.max()) / 4), height=320)
hidden = ~(sum(seen.values()) > 0)
print(f"largest influence of a bin that may not be seen: {gradient[hidden].max():.1e}")
