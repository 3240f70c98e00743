"""What the page plays before anything is computed: python -m core.vqvae.examples

Writes assets/audio/vqvae/*.ogg and index.json anew, from the shipped weights; what needs weights that are not there is
left out. With --voices, the folder of TSP's voices, the sentence of the unseen man (md.flac) is taken anew as well;
with --piano, what core.melnet.piano has rendered, the excerpts of piano.
"""

from __future__ import annotations

import argparse
import base64
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from core.vqvae.sample import Coder

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "assets/audio/vqvae"
SENTENCE = "b0487"  # held out of all training
MAN, MAN_FILE, MAN_TEXT = FOLDER / "md.flac", "MD19_05", "A young child should not suffer fright."
FRONTS = {"speech": "vqvae-speech", "argmax": "vqvae-argmax"}
PRIORS = {
    "prior": "vqvae-prior",
    "argmax": "vqvae-prior-argmax",
    "second": "vqvae-second",
    "wavenet": "wavenet-speech",
}
SECONDS, SEED = 4.0, 1
TEMPERATURE = {"prior": 1.0, "argmax": 1.0, "second": 1.0, "wavenet": 0.9}
RATE_HZ = 16_000
PIANO, PIECES, PIECE_S = "vqvae-piano", ((0, 2.0), (3, 2.0)), 8.0  # which held-out pieces, and from which second
COMPRESSION = 0.88  # of soundfile's scale: about 33 kbit/s Opus


@functools.cache
def index() -> dict[str, Any]:
    """What is stored; {} where nothing is.

    "codes": front -> {"codes", "colours", "rate", "wave", "sounds": by "wavenet" and "griffin_lim"}.  "fronts": name
    of weights -> sound.  "converted": "kathleen" and "md" -> speaker -> sound.  "drawn": kind of PRIORS -> {"codes",
    "colours", "rate", "wave", "seed", "temperature", "sound"}, for "wavenet" without codes.  "piano": excerpt -> as in
    "codes".
    """
    path = FOLDER / "index.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def url(sound: str) -> str:
    """Where the page finds a sound."""
    return f"/site/audio/vqvae/{sound}.ogg"


def colours_of(coder: Coder, codes: Tensor) -> dict[str, list[int]]:
    """Hue and loudness of the codes that occur."""
    from core.vqvae import look

    found = look.colours(coder.typical())
    return {str(code): found[code].tolist() for code in sorted(set(codes.tolist()))}


def _wave(x: Tensor, codes: Tensor) -> str:
    """What the page draws on the codes: the sound's peaks, as base64."""
    from core.vqvae import look

    return base64.b64encode(look.peaks(x, len(codes)).numpy().tobytes()).decode("ascii")


def draw_codes(kind: str, count: int, *, seed: int, temperature: float, load: Any = None) -> tuple[Tensor, str]:
    """Codes of level 1 that a prior, or two levels, make up: (int64 [count], name of the front that speaks them).

    Args:
        kind: "prior", "argmax" or "second".  count: rounded up to whole codes of level 2 for "second".
        load: gives weights by name; None takes `core.weights.load`.
    Raises:
        WeightsError: as `core.weights.load`.  SamplingError: as `core.vqvae.prior.draw`.
    """
    from core import weights
    from core.vqvae import prior

    model = (load or weights.load)(PRIORS[kind])
    if kind != "second":
        return prior.draw(model, count, seed=seed, temperature=temperature), FRONTS[
            "argmax" if kind == "argmax" else "speech"
        ]
    level2 = model.draw(-(-count // model.config.ratio), seed=seed, temperature=temperature)
    return model.expand(level2, seed=seed, temperature=temperature)[:count], model.config.front


class _Writer:
    """Gathers sounds, writes the list at the end."""

    def __init__(self) -> None:
        kinds = ("codes", "fronts", "converted", "drawn", "piano", "weights")
        self.index: dict[str, Any] = {kind: {} for kind in kinds}
        self.wanted: set[str] = set()

    def sound(self, name: str, x: Tensor) -> str:
        import soundfile

        from core import audio

        path = FOLDER / f"{name}.ogg"
        sound = audio.level_to(x).numpy()
        soundfile.write(str(path), sound, RATE_HZ, format="OGG", subtype="OPUS", compression_level=COMPRESSION)
        print(f"{path.name}: {len(sound) / RATE_HZ:.1f} s, {path.stat().st_size / 1e3:.0f} kB", flush=True)
        self.wanted.add(path.name)
        return name

    def finish(self) -> None:
        text = json.dumps(self.index, separators=(",", ":")) + "\n"
        (FOLDER / "index.json").write_text(text, encoding="utf-8")
        for path in FOLDER.glob("*.ogg"):
            if path.name not in self.wanted:
                path.unlink()
        size = sum(path.stat().st_size for path in FOLDER.iterdir())
        print(f"{len(self.wanted)} sounds, {size / 1e6:.2f} MB")


def _repeated(writer: _Writer, here: list[str]) -> None:
    """The sentence through the two large autoencoders and all small ones."""
    from core import audio
    from core.vqvae import grid, sample

    x = audio.load_voice(ROOT / f"assets/audio/kathleen_{SENTENCE}.flac")
    for front, name in FRONTS.items():
        if name not in here:
            continue
        coder = sample.load(name)
        codes = coder.encode(x)
        spoken = writer.sound(f"codes-{front}", coder.speak(codes).audio)
        quick = writer.sound(f"codes-{front}-griffin-lim", coder.preview(codes))
        writer.index["codes"][front] = {
            "codes": codes.tolist(), "colours": colours_of(coder, codes), "rate": coder.codes_per_s,
            "wave": _wave(x, codes), "sounds": {"wavenet": spoken, "griffin_lim": quick},
        }  # fmt: skip
        writer.index["fronts"][name] = spoken
    for name in grid.names():
        if name in here:
            coder = sample.load(name)
            writer.index["fronts"][name] = writer.sound(f"front-{name.removeprefix('vqvae-')}",
                                                        coder.speak(coder.encode(x)).audio)  # fmt: skip


def _converted(writer: _Writer) -> None:
    """The woman's sentence said by the others, the unseen man's by all four."""
    from core import audio
    from core.vqvae import sample

    coder = sample.load(FRONTS["speech"])
    sources = {"kathleen": ROOT / f"assets/audio/kathleen_{SENTENCE}.flac", "md": MAN}
    for source, path in sources.items():
        if not path.exists():
            continue
        codes = coder.encode(audio.load_voice(path))
        writer.index["converted"][source] = {
            who: writer.index["fronts"][FRONTS["speech"]] if source == who
            else writer.sound(f"{source}-{who.lower()}", coder.speak(codes, who).audio)
            for who in coder.speakers
        }  # fmt: skip


def _drawn(writer: _Writer, here: list[str]) -> None:
    """A few seconds that the priors make up, and that plain WaveNet makes up."""
    from core import audio, weights
    from core.vqvae import sample
    from core.wavenet import generate

    for kind, name in PRIORS.items():
        if name not in here:
            continue
        heat = TEMPERATURE[kind]
        entry: dict[str, Any] = {"seed": SEED, "temperature": heat}
        if kind == "wavenet":
            samples = round(SECONDS * RATE_HZ)
            drawn = generate(weights.load(name), samples=samples, seed=SEED, temperature=heat)
            x = audio.mu_law_decode(drawn[0])
        else:
            codes, front = draw_codes(kind, round(SECONDS * 40), seed=SEED, temperature=heat)
            coder = sample.load(front)
            x = coder.speak(codes).audio
            entry |= {"codes": codes.tolist(), "colours": colours_of(coder, codes), "rate": coder.codes_per_s,
                      "wave": _wave(x, codes)}  # fmt: skip
        writer.index["drawn"][kind] = entry | {"sound": writer.sound(f"drawn-{kind}", x)}


def _played(writer: _Writer) -> None:
    """The excerpts of piano through their codes."""
    from core import audio
    from core.vqvae import sample

    coder = sample.load(PIANO)
    for path in sorted(FOLDER.glob("piano-?.ogg")):
        x = audio.load_voice(path)
        codes = coder.encode(x)
        writer.wanted.add(path.name)
        writer.index["piano"][path.stem] = {
            "codes": codes.tolist(), "colours": colours_of(coder, codes), "rate": coder.codes_per_s,
            "wave": _wave(x, codes),
            "sounds": {"wavenet": writer.sound(f"{path.stem}-wavenet", coder.speak(codes).audio),
                       "griffin_lim": writer.sound(f"{path.stem}-griffin-lim", coder.preview(codes))},
        }  # fmt: skip


def _take_piano(folder: Path) -> None:
    """Two excerpts of what core.melnet.piano has rendered and held out."""
    import soundfile

    from core.wavenet import data

    pieces = data.files_of(folder, held_out=True)
    for number, (place, start_s) in enumerate(PIECES, start=1):
        x = data.read(pieces[place]).audio[round(start_s * RATE_HZ) : round((start_s + PIECE_S) * RATE_HZ)]
        soundfile.write(str(FOLDER / f"piano-{number}.ogg"), x.numpy(), RATE_HZ, format="OGG", subtype="OPUS",
                        compression_level=0.8)  # fmt: skip
        print(f"piano-{number}.ogg: {pieces[place].stem}")


def _take_man(voices: Path) -> None:
    """The unseen man's sentence, 16 bits, from a folder of TSP's voices."""
    import soundfile

    from core import audio

    found = sorted(voices.rglob(f"{MAN_FILE}.*"))
    x = audio.load_voice(next(path for path in found if path.suffix in (".opus", ".flac", ".wav")))
    soundfile.write(MAN, audio.to_int16(x), RATE_HZ, format="FLAC", subtype="PCM_16")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=Path, help="TSP's voices")
    parser.add_argument("--piano", type=Path, help="what core.melnet.piano has rendered")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(arguments)
    import torch

    from core import weights

    if options.threads:
        torch.set_num_threads(options.threads)
    FOLDER.mkdir(parents=True, exist_ok=True)
    if options.voices:
        _take_man(options.voices)
    if options.piano:
        _take_piano(options.piano)
    here, writer = weights.names(), _Writer()
    _repeated(writer, here)
    if FRONTS["speech"] in here:
        _converted(writer)
    _drawn(writer, here)
    if PIANO in here:
        _played(writer)
    used = {*FRONTS.values(), *PRIORS.values(), *writer.index["fronts"], "vqvae-decoder", PIANO, "vqvae-piano-decoder"}
    writer.index["weights"] = {name: weights.card(name)["sha256"] for name in sorted(used) if name in here}
    writer.finish()


if __name__ == "__main__":
    main()
