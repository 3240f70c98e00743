"""What the page plays before anything is computed: python -m core.melnet.examples

Writes assets/tables/melnet-takes.npz (tiers as bytes), assets/audio/melnet/*.ogg and index.json anew, from the shipped
weights. What needs weights that are not there is left out. Reading the stored takes needs torch, their list does not.
"""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from core.melnet.take import Take

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "assets/audio/melnet"
TABLE = ROOT / "assets/tables/melnet-takes.npz"
SENTENCE, PRIME = "b0481", "b0532"  # held out of all training
PRIME_S, FRAMES, PRIMED_FRAMES = 1.5, 240, 320
SEEDS = {"speech": (1, 2, 3), "piano": (1, 2, 3), "one": (1, 2, 3)}
MODELS = {"speech": "melnet-speech", "piano": "melnet-piano", "one": "melnet-one-tier"}
TEMPERATURE = 0.7  # DNSMOS votes higher below 1: core.melnet.listen
RATE_HZ = 16_000


@functools.cache
def index() -> dict[str, Any]:
    """Name of a take -> {"tiers", "frames", "seed", "temperature", "given", "sounds": names of files}; {} without."""
    path = FOLDER / "index.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def names(kind: str) -> list[str]:
    """Stored takes of a kind: "real", "speech", "piano", "one", "prime"."""
    return [name for name in index() if name.split("-")[0] == kind]


def url(sound: str) -> str:
    """Where the page finds a sound."""
    return f"/site/audio/melnet/{sound}.ogg"


def load(name: str) -> Take:
    """A stored take."""
    import numpy as np

    from core.melnet.take import Take

    entry = index()[name]
    with np.load(TABLE) as kept:
        parts = tuple(kept[f"{name}-{tier}"] for tier in range(1, entry["tiers"] + 1))
    return Take(parts, entry["frames"], entry["tiers"], entry["seed"], entry["temperature"])


def sound_of(mel: Tensor) -> Tensor:
    """A log-mel [T, 80] as it is heard: Griffin-Lim, at the level of all voices here. float32 [(T - 1) * 200]."""
    from core import audio

    return audio.level_to(audio.griffin_lim(mel.T.clamp(-11.5, 3.0)))


def beginning(x: Tensor, seconds: float, *, step: int = 4) -> Tensor:
    """The first seconds of a voice as log-mel [P, 80], P a multiple of `step`; the silence before it is left out.

    Args:
        x: float [T] at 16 kHz, not silent.
    Returns:
        float32 [P, 80]; P is 0 where the seconds, or the voice, hold less than a step.
    """
    from core import audio

    loud = (x.abs() > 0.05 * x.abs().max()).nonzero()
    x = x[max(0, int(loud[0]) - RATE_HZ // 20) :]
    frames = min(int(seconds * RATE_HZ), len(x)) // audio.HOP_SAMPLES // step * step
    if len(x) <= audio.WINDOW_SAMPLES:  # too short to reflect its edges
        return audio.mel(x.new_zeros(audio.WINDOW_SAMPLES)).T[:0]
    return audio.mel(x).T[:frames].contiguous()


class _Writer:
    """Gathers takes, writes them at the end. kept: begins with those that are stored."""

    def __init__(self, *, kept: bool = False) -> None:
        self.index: dict[str, Any] = dict(index()) if kept else {}
        self.arrays: dict[str, Any] = {}
        if kept and TABLE.exists():
            import numpy as np

            with np.load(TABLE) as arrays:
                self.arrays = dict(arrays)

    def sound(self, name: str, x: Tensor) -> str:
        import soundfile

        path = FOLDER / f"{name}.ogg"
        soundfile.write(str(path), x.numpy(), RATE_HZ, format="OGG", subtype="VORBIS")
        print(f"{path.name}: {len(x) / RATE_HZ:.1f} s, {path.stat().st_size / 1e3:.0f} kB", flush=True)
        return name

    def take(self, name: str, take: Take, *, each_tier: bool = False, given: int = 0, spoken: bool = False) -> None:
        for tier, part in enumerate(take.parts, start=1):
            self.arrays[f"{name}-{tier}"] = part
        sounds = [self.sound(name, sound_of(take.large()))]
        counts = range(1, take.tiers if each_tier else 1)
        tiers = [self.sound(f"{name}-tiers-{n}", sound_of(take.large(n))) for n in counts]
        self.index[name] = {
            "tiers": take.tiers, "frames": take.frames, "seed": take.seed, "temperature": take.temperature,
            "given": given, "sounds": sounds, "tier_sounds": [*tiers, *sounds] if each_tier else [],
            "spoken": [self.sound(f"{name}-wavenet", _spoken(take))] if spoken else [],
        }  # fmt: skip

    def finish(self) -> None:
        import numpy as np

        np.savez_compressed(TABLE, **self.arrays)
        text = json.dumps(self.index, indent=1) + "\n"
        (FOLDER / "index.json").write_text(text, encoding="utf-8")
        wanted = {f"{sound}.ogg" for one in self.index.values() for key in ("sounds", "tier_sounds", "spoken")
                  for sound in one[key]}  # fmt: skip
        for path in FOLDER.glob("*.ogg"):
            if path.name not in wanted:
                path.unlink()
        size = sum(path.stat().st_size for path in [TABLE, *FOLDER.iterdir()])
        print(f"{len(self.index)} takes, {size / 1e6:.2f} MB")


def _spoken(take: Take) -> Tensor:
    """By the WaveNet vocoder."""
    from core import audio
    from core.tacotron2 import sample

    return audio.level_to(sample.vocode(take.large().T.clamp(-11.5, 3.0), vocoder="wavenet"))


def _drawn(kind: str, seed: int, **options: Any) -> Take:
    """A new take of a shipped network."""
    from core import weights
    from core.melnet import sample, take

    model = weights.load(MODELS[kind])
    heat, frames = TEMPERATURE, options.setdefault("frames", FRAMES)
    looks = sample.generate(model, seed, heat, **options)
    parts = tuple(take.pack(take.own_log_mel(look)) for look in looks)
    return take.Take(parts, frames, model.config.tiers, seed, heat)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("real", *SEEDS, "prime"), help="make this kind anew, keep the others")
    only = parser.parse_args(arguments).only
    from core import audio, weights
    from core.melnet import take

    FOLDER.mkdir(parents=True, exist_ok=True)
    writer = _Writer(kept=only is not None)
    if only in (None, "real"):
        real = audio.mel(audio.load_voice(ROOT / f"assets/audio/kathleen_{SENTENCE}.flac")).T
        writer.take("real", take.split(real, 5), each_tier=True)
    for kind, seeds in SEEDS.items():
        if only in (None, kind) and MODELS[kind] in weights.names():
            for seed in seeds:
                first = seed == seeds[0] and kind != "one"
                writer.take(f"{kind}-{seed}", _drawn(kind, seed), each_tier=first, spoken=first and kind == "speech")
    if only in (None, "prime") and MODELS["speech"] in weights.names():
        prime = beginning(audio.load_voice(ROOT / f"assets/audio/kathleen_{PRIME}.flac"), PRIME_S)
        for seed in SEEDS["speech"]:
            made = _drawn("speech", seed, frames=PRIMED_FRAMES, prime=prime)
            writer.take(f"prime-{seed}", made, given=prime.shape[0])
    writer.finish()


if __name__ == "__main__":
    main()
