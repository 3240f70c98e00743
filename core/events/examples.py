"""Short sounds for the page: three events, a street put together from them, a song, a piano.

    python -m core.events.examples --esc10 PATH --music PATH      # writes assets/audio/map/heard-*.ogg anew

UrbanSound8K may not be passed on clip by clip, so none of it is here. The dogs are ESC-10's, by people who gave their
recordings to everybody; siren and horn are sums of sines, written below; no network has learned from any of these. A
song that is held out everywhere, and a piece of the Mutopia Project played by a soundfont, are for the tags.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from core import audio
from core.errors import DataError
from core.events.data import HELD_OUT_SONG, mixture, mono

FOLDER = Path(__file__).resolve().parents[2] / "assets/audio/map"
INDEX = FOLDER / "heard.json"
RATE_HZ = audio.SAMPLE_RATE_HZ
COMPRESSION = 0.93  # of soundfile's scale: about 20 kbit/s
DOGS = {  # file of ESC-10 -> who recorded it; none of these recordings is in the folds 1, 2 and 10 of UrbanSound8K
    "1-100032-A": "nfrae, freesound.org 100032, CC0",
    "3-155312-A": "Jace, freesound.org 155312, CC0",
}
SONG_START_S, SECONDS = 66.0, 10.0
SCORE = Path(__file__).resolve().parents[2] / "assets/midi/bach-prelude-bwv862.mid"


def siren(seconds: float, *, seed: int = 0) -> NDArray[np.float32]:
    """A wailing siren: harmonics of a tone that rises and falls between 600 and 1,350 Hz every 4 s, with an echo.

    Args:
        seed: of the air's noise, 40 dB below.
    Returns:
        float32 [T] at 16 kHz.
    """
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    hz = 975 + 375 * np.sin(2 * np.pi * t / 4 - np.pi / 2)
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    x = sum(np.sin(k * phase) / k**1.3 for k in range(1, 6))
    return echoed(x, seed)


def horn(seconds: float, *, seed: int = 0) -> NDArray[np.float32]:
    """A car's two horns, 420 and 500 Hz, many harmonics each, half a second on and less off: float32 [T] at 16 kHz."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    x = sum(np.sin(2 * np.pi * k * hz * t + k) / k**0.7 for hz in (420.0, 500.0) for k in range(1, 15))
    pressed = (t % 0.9) < 0.5
    return echoed(x * np.convolve(pressed, np.hanning(1600) / np.hanning(1600).sum(), mode="same"), seed)


def echoed(x: NDArray, seed: int) -> NDArray[np.float32]:
    """In a street: with an echo off the houses that dies away within half a second, and faint noise."""
    random = np.random.default_rng(seed)
    tail = random.standard_normal(RATE_HZ // 2) * np.exp(-np.arange(RATE_HZ // 2) / (0.08 * RATE_HZ))
    wet = np.fft.irfft(np.fft.rfft(x, 2 * len(x) + RATE_HZ) * np.fft.rfft(tail, 2 * len(x) + RATE_HZ))[: len(x)]
    both = x / np.std(x) + 0.5 * wet / np.std(wet)
    return levelled(both + 0.01 * random.standard_normal(len(x)))


def levelled(x: NDArray, dbfs: float = -20.0) -> NDArray[np.float32]:
    import torch

    return audio.level_to(torch.from_numpy(np.asarray(x, np.float32)), dbfs=dbfs).numpy()


def dog(folder: Path, name: str) -> NDArray[np.float32]:
    """A dog bark of ESC-10, as it is given out: float32 [T].

    Raises:
        DataError: the clip is not there.
    """
    found = sorted(folder.rglob(f"*{name}.ogg"))
    if not found:
        raise DataError(f"{name}.ogg is not below {folder}: point --esc10 at ESC-10 as it is given out.")
    x = mono(found[0])
    heard = np.flatnonzero(np.abs(x) > 1e-4)
    return levelled(x[: heard[-1] + RATE_HZ // 4])


def street(parts: dict[str, NDArray]) -> NDArray[np.float32]:
    """Ten seconds: dogs from 0.5 s on, a siren from 3 to 7 s, a horn from 8 s, over faint noise."""
    out = 0.003 * np.random.default_rng(1).standard_normal(round(SECONDS * RATE_HZ))
    for name, at_s, most_s in (("dog-one", 0.5, 2.5), ("siren", 3.0, 4.0), ("horn", 8.0, 2.0)):
        piece = parts[name][: round(most_s * RATE_HZ)]
        start = round(at_s * RATE_HZ)
        out[start : start + len(piece)] += piece
    return levelled(out)


def song(folder: Path) -> NDArray[np.float32]:
    """Ten seconds of the song that is held out everywhere.

    Raises:
        DataError: it is not there.
    """
    places = [path for path in folder.rglob(HELD_OUT_SONG) if path.is_dir()]
    if not places:
        raise DataError(f"{HELD_OUT_SONG} is not below {folder}: point --music at Everything is Free, in parts.")
    start = round(SONG_START_S * RATE_HZ)
    return levelled(mixture(places[0])[start : start + round(SECONDS * RATE_HZ)])


def piano() -> NDArray[np.float32]:
    """Ten seconds of Bach's prelude BWV 862, played by the soundfont of this machine."""
    import pretty_midi

    from core.midi import sound

    played = sound.render(pretty_midi.PrettyMIDI(str(SCORE)), sample_rate_hz=RATE_HZ).mean(axis=0)
    return levelled(played[: round(SECONDS * RATE_HZ)])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--esc10", type=Path, required=True, help="ESC-10 as it is given out")
    parser.add_argument("--music", type=Path, required=True, help="Everything is Free, in parts")
    options = parser.parse_args(arguments)
    names = dict(zip(("dog", "dog-one"), DOGS))
    parts = {key: dog(options.esc10, name) for key, name in names.items()}
    parts |= {"siren": siren(6.0), "horn": horn(4.0)}
    index = {key: DOGS[name] for key, name in names.items()}
    index |= {"siren": "a formula, core/events/examples.py", "horn": "a formula, core/events/examples.py",
              "street": f"the siren, the horn and a dog ({DOGS[names['dog-one']]})",
              "electronic": "Software-Entwicklungskit, Rubidium, CC0",
              "piano": "Bach, Prelude BWV 862, Mutopia Project, public domain, played by a soundfont"}  # fmt: skip
    parts |= {"street": street(parts), "electronic": song(options.music), "piano": piano()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    for key, x in parts.items():
        soundfile.write(FOLDER / f"heard-{key}.ogg", x, RATE_HZ, format="OGG", subtype="OPUS",
                        compression_level=COMPRESSION)  # fmt: skip
    INDEX.write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    size = sum((FOLDER / f"heard-{key}.ogg").stat().st_size for key in parts)
    print(f"{len(parts)} sounds, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
