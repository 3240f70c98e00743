"""Taking a song apart: python -m core.separation.sample song.mp3 --out folder

    from core.separation.sample import separate
    stems = separate(audio, 44_100)   # {"vocals": float32 [C, T], "accompaniment": …}; their sum is the song
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from core import audio, sound_file
from core.errors import AudioError
from core.separation.model import MMDenseLSTM
from core.separation.spectrogram import analyse, synthesise
from core.separation.wiener import wiener as wiener_filter

__all__ = ["separate", "stream"]
MODEL = "separation-vocals"
CHUNK_S, FADE_S = 8.0, 0.5  # a piece that is looked at in one go, and what two neighbours share
FIRST_S = 5.0  # the first piece is shorter, so that something is heard soon
LEVEL = 0.1  # root mean square at which the network has learned


def separate(
    x: Tensor, sample_rate_hz: int, *, model: str = MODEL, wiener: bool = False,
    progress: Callable[[float], None] | None = None, network: MMDenseLSTM | None = None,
) -> dict[str, Tensor]:  # fmt: skip
    """The parts of a song; they add up to it.

    Source: arXiv:1805.02410: a mask of each source on the mixture's spectrogram, with the mixture's phase.

    Args:
        x: float [C, T], any number of channels.  sample_rate_hz: of x.
        model: name of shipped weights.  progress: called with the share that is done.
        wiener: refine the parts by a multichannel Wiener filter, which takes half as long again.
        network: a network that is there already; else the shipped one is loaded.
    Returns:
        float32 [C, T] for each of the network's sources. What lies above the network's highest frequency belongs to
        the last of them.
    Raises:
        AudioError: not [C, T], empty, or not finite.  WeightsError: no weights.
    """
    found: dict[str, Tensor] = {}
    done = 0
    for parts in stream(x, sample_rate_hz, model=model, wiener=wiener, network=network):
        found = found or {name: torch.empty(x.shape) for name in parts}  # written in place: never there twice
        end = done + next(iter(parts.values())).shape[1]
        for name, part in parts.items():
            found[name][:, done:end] = part
        done = end
        if progress:
            progress(done / x.shape[1])
    return found


def stream(
    x: Tensor, sample_rate_hz: int, *, model: str = MODEL, wiener: bool = False, network: MMDenseLSTM | None = None
) -> Iterator[dict[str, Tensor]]:
    """The parts from the beginning on, piece by piece; arguments and errors as those of `separate`.

    Pieces overlap by half a second and are faded into each other, so that memory does not grow with the length.

    Yields:
        source -> float32 [C, n]; behind each other as long as x.
    """
    if x.dim() != 2 or not x.numel():
        raise AudioError(f"Give a sound as [channels, samples], got {list(x.shape)}.")
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound has NaN or infinite samples: export it again from where it comes.")
    if network is None:
        from core import weights

        network = cast(MMDenseLSTM, weights.load(model))
    x, level = x.float(), float(x.float().square().mean().sqrt())
    return pieces(
        x, sample_rate_hz, network.config.sources, lambda piece: _parts(piece, sample_rate_hz, network, level, wiener)
    )


def pieces(
    x: Tensor, rate_hz: int, names: Sequence[str], take_apart: Callable[[Tensor], Tensor]
) -> Iterator[dict[str, Tensor]]:  # fmt: skip
    """A song [C, T] piece by piece, each taken apart by `take_apart`, [C, n] -> [S, C, n], and faded into the next."""
    first, size, fade = (round(seconds * rate_hz) for seconds in (FIRST_S, CHUNK_S, FADE_S))
    kept: Tensor | None = None  # [S, C, fade]: the end of the last piece
    start = 0
    while True:
        end = min(start + (size if start else first), x.shape[1])
        last = end == x.shape[1]
        parts = take_apart(x[:, start:end])  # [S, C, n]
        if kept is not None:
            up = torch.linspace(0, 1, kept.shape[2])
            parts[..., : kept.shape[2]] = up * parts[..., : kept.shape[2]] + (1 - up) * kept
        ready = parts if last else parts[..., :-fade]
        yield dict(zip(names, ready.clone()))
        if last:
            return
        kept = parts[..., -fade:].clone()
        start = end - fade


@torch.no_grad()
def _parts(x: Tensor, rate_hz: int, network: MMDenseLSTM, level: float, refine: bool) -> Tensor:
    """float [C, n] -> [S, C, n]; the sum over S is x."""
    config = network.config
    if level < 1e-6:
        return torch.cat([torch.zeros(len(config.sources) - 1, *x.shape), x[None]])
    low = torch.stack([audio.resample(channel, rate_hz, config.sample_rate_hz) for channel in x])  # [C, m]
    spectrum = analyse(low, config)  # [C, T, bins]
    parts = masks_of(spectrum * (LEVEL / level), network) * spectrum  # [S, C, T, bins]
    if refine:
        parts = wiener_filter(parts, spectrum)
    found = synthesise(parts, low.shape[1], config)  # [S, C, m]
    full = torch.stack([
        torch.stack([_to_length(audio.resample(c, config.sample_rate_hz, rate_hz), x.shape[1]) for c in part])
        for part in found[:-1]
    ])  # fmt: skip
    return torch.cat([full, (x - full.sum(dim=0))[None]])


@torch.no_grad()
def masks_of(spectrum: Tensor, network: MMDenseLSTM) -> Tensor:
    """The masks of a mixture with a root mean square of LEVEL.

    A mono network hears the mean of the channels' magnitudes, and its masks serve all of them.

    Args:
        spectrum: complex [C, T, bins], from `core.separation.spectrogram.analyse`.
    Returns:
        float [S, 1 or C, T, bins].
    """
    config, channels = network.config, spectrum.shape[0]
    heard = spectrum.abs()
    if config.channels == 1:
        heard = heard.mean(dim=0, keepdim=True)
    elif channels != config.channels:
        heard = heard.mean(dim=0, keepdim=True).expand(config.channels, -1, -1)
    masks = network(heard[None])[0]  # [S, 1 or C, T, bins]
    return masks if masks.shape[1] == channels else masks.mean(dim=1, keepdim=True)


def _to_length(x: Tensor, samples: int) -> Tensor:
    """Cut, or filled up with silence: resampling there and back may differ by a sample."""
    return torch.nn.functional.pad(x, (0, max(0, samples - x.shape[0])))[:samples]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("song", type=Path)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--out", type=Path, default=Path("stems"))
    parser.add_argument("--wiener", action="store_true", help="refine by a multichannel Wiener filter")
    options = parser.parse_args(arguments)
    import soundfile

    x, rate = sound_file.read(options.song)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, part in separate(x, rate, model=options.model, wiener=options.wiener).items():
        path = options.out / f"{name}.wav"
        soundfile.write(path, part.T.numpy(), rate, subtype="FLOAT")
        print(path)


if __name__ == "__main__":
    main()
