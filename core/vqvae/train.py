"""Train a discrete autoencoder of speech, in two phases.

    python -m core.vqvae.train --data PATH --voices PATH --run runs/vqvae-speech-spectral --minutes 8
    python -m core.vqvae.train --preset argmax --data PATH --voices PATH --run runs/vqvae-argmax-spectral --minutes 8
    python -m core.vqvae.train --phase wave --data PATH --voices PATH --minutes 45 \\
        --fronts runs/vqvae-speech-spectral runs/vqvae-argmax-spectral

The first phase, `spectral`, learns encoder, codes and the voice's frames, without any waveform. The second, `wave`,
goes on with the whole, end to end, by the cross-entropy of the WaveNet behind; several fronts that share the WaveNet
take turns, so that each gets as many steps as the others. --run then has a folder for each front and for the WaveNet.
`python -m core.vqvae.measure NAME --run RUN --write` measures the results and ships them.

Piano (a folder that core.melnet.piano has rendered; preset piano in both phases): many notes sound at once, so nothing
reads one pitch, nothing is warped in frequency, and the WaveNet has no clock.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from core import training, weights
from core.muon import MuonAdam, muon_for
from core.speech_metrics import mel_distance_db
from core.vqvae import data
from core.vqvae.data import Batch, Utterance
from core.vqvae.model import PRESETS, VQVAE, Heard, VQVAEConfig
from core.vqvae.quantiser import VectorQuantiser, perplexity
from core.wavenet import fused, pitch_train
from core.wavenet.model import WaveNet
from core.wavenet.pitch import MelPitch
from core.wavenet.train import BITS, disturbed

INNER = ("encoder.before", "encoder.after", "encoder.halve", "voice.before", "voice.after", "voice.stretch")
PITCH_WEIGHT = 0.1
SPECTRAL_WEIGHT = 2.0  # of the frames' own loss in the wave phase, beside bits a sample
LISTENERS = 8  # rows of a batch that the front hears in the wave phase
PATIENCE = 8  # times as long as before, a code may be unused in the wave phase, whose batches are smaller
CONTEXT_FRAMES = 24  # that the front sees around what the WaveNet is asked for
NOISE = 2.0  # codes, of the past in the wave phase


def read_loss(reader: MelPitch, said: Tensor, true: Tensor) -> Tensor:
    """How differently the vocoder's pitch reader reads two mels: cross-entropies of voicing and, where voiced, of F0.

    The absolute error alone lets harmonics fade, and the clock behind would run at a wrong pitch.

    Args:
        said, true: float [B, 80, F].
    """
    with torch.no_grad():
        bins, voicing = reader(true)
        on = torch.sigmoid(voicing)
    other, voiced = reader(said)
    pitch = -(torch.softmax(bins, dim=-1) * torch.log_softmax(other, dim=-1)).sum(dim=-1)
    return (on * pitch).mean() + F.binary_cross_entropy_with_logits(voiced, on)


def losses(heard: Heard, batch: Batch, reader: MelPitch | None) -> dict[str, Tensor]:
    """Absolute error of the frames (nepers), the pitch that is read off them, and the bottleneck's own."""
    found = {"mel": (heard.frames - batch.mel).abs().mean(), **heard.quantised.losses}
    if reader is not None:
        found["pitch"] = PITCH_WEIGHT * read_loss(reader, heard.frames, batch.mel)
    return found


def listen(model: VQVAE, batch: Batch) -> Heard:
    """The batch through the model: on a CPU with bfloat16 arithmetic, matrix products are done in it."""
    speaker = model.checked_speaker(batch.speaker, len(batch.mel))
    low = torch.backends.mkldnn.is_available() and torch.cpu._is_amx_tile_supported()  # type: ignore[attr-defined]
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        z = model.encoder(model.centred(batch.heard, batch.heard_mean))
    quantised = model.quantiser(z.float())
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        frames = model.voice(quantised.vectors, speaker)[..., : batch.mel.shape[2]]
    return Heard(quantised, frames.float())


def spectral_step(model: VQVAE, batch: Batch, reader: MelPitch | None = None) -> float:
    """Loss and gradients of one batch of the first phase."""
    loss = torch.stack(list(losses(listen(model, batch), batch, reader).values())).sum()
    loss.backward()
    return loss.item()


class Joint(nn.Module):
    """Fronts that share a WaveNet, for training end to end."""

    def __init__(self, fronts: dict[str, VQVAE], wavenet: WaveNet) -> None:
        super().__init__()
        self.fronts, self.wavenet = nn.ModuleDict(fronts), wavenet
        self.turn = 0
        for front in fronts.values():
            if isinstance(front.quantiser, VectorQuantiser):
                front.quantiser.restart_after *= PATIENCE
                front.quantiser.decay **= 1 / PATIENCE

    def next_front(self) -> VQVAE:
        """One after the other."""
        self.turn += 1
        return cast(VQVAE, list(self.fronts.values())[self.turn % len(self.fronts)])


def wave_bits(heard: Heard, wavenet: WaveNet, batch: Batch, noise: float = 0.0) -> Tensor:
    """The WaveNet's cross-entropy in bits a sample, its condition being the frames said and the recording's clock."""
    assert batch.codes is not None and batch.clock is not None
    count = batch.clock.shape[2]
    frames = heard.frames[: len(batch.codes), :, batch.start : batch.start + count]
    condition = torch.cat([frames, batch.clock], dim=1)  # [b, prepared channels, n + 2]
    past = disturbed(batch.codes, noise) if noise else batch.codes
    run = functools.partial(fused.forward, wavenet) if fused.works_for(wavenet) else wavenet
    logits = run(past, condition).transpose(1, 2)  # [B, n * 200, levels]
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), batch.codes.reshape(-1)) * BITS


def wave_step(joint: Joint, batch: Batch, noise: float = NOISE) -> float:
    """Loss and gradients of one batch of the second phase, for the front whose turn it is."""
    front = joint.next_front()
    heard = listen(front, batch)
    assert joint.wavenet.condition is not None
    parts = losses(heard, batch, joint.wavenet.condition.pitch)
    own = torch.stack([value for name, value in parts.items() if name not in ("mel", "pitch")]).sum()
    bits = wave_bits(heard, joint.wavenet, batch, noise)
    loss = bits + SPECTRAL_WEIGHT * (parts["mel"] + parts.get("pitch", torch.zeros(()))) + own
    loss.backward()
    return loss.item()


@torch.no_grad()
def evaluate(model: VQVAE, utterances: Sequence[Utterance]) -> dict[str, float]:
    """Held-out: distance of the frames in dB, perplexity and dead codes over all of them together."""
    distances, codes = [], []
    for one in utterances:
        found = model.encode(one.mel[None])
        frames = model.frames(found, one.speaker)[0, :, : one.mel.shape[1]]
        distances.append(mel_distance_db(one.mel, frames))
        codes.append(found[0])
    used = torch.cat(codes)
    return {
        "held_out_mel_db": sum(distances) / len(distances),
        "held_out_perplexity": float(perplexity(used, model.config.codes)),
        "held_out_dead": float((torch.bincount(used, minlength=model.config.codes) == 0).sum()),
    }


@torch.no_grad()
def evaluate_joint(joint: Joint, utterances: Sequence[Utterance], batches: Sequence[Batch]) -> dict[str, float]:
    """`evaluate` of each front, and its bits a sample on fixed batches."""
    found = {}
    for name, front in joint.fronts.items():
        own = evaluate(cast(VQVAE, front), utterances)
        bits = [float(wave_bits(listen(cast(VQVAE, front), batch), joint.wavenet, batch)) for batch in batches]
        found.update({f"{name}_{key}": value for key, value in own.items()})
        found[f"{name}_held_out_bits"] = sum(bits) / len(bits)
    return found


def optimizer_for(model: nn.Module, learning_rate: float) -> MuonAdam:
    """Muon for the matrices inside, Adam for the rest. Of a `Joint`: also those inside its WaveNet."""
    inner: tuple[str, ...] = INNER
    if isinstance(model, Joint):
        inner = tuple(f"fronts.{name}.{part}" for name in model.fronts for part in INNER)
        inner += ("wavenet.layers.", "wavenet.head1", "wavenet.condition.project")
    return muon_for(model, inner=inner, lr=learning_rate, dtype=torch.bfloat16)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phase", choices=("spectral", "wave"), default="spectral")
    parser.add_argument("--data", type=Path, required=True, help="corpus of the first speaker, such as Kathleen's")
    parser.add_argument("--voices", type=Path, help="the other speakers: a subfolder each, or TSP's names")
    parser.add_argument("--speakers", nargs="+", help="in place of the preset's")
    parser.add_argument("--run", type=Path, help="folder of checkpoints")
    training.run_options(parser)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="speech")
    for name in ("quantiser", "update"):
        parser.add_argument(f"--{name}")
    for name in ("codes", "frames-per-code"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("commitment", "diversity"):
        parser.add_argument(f"--{name}", type=float)
    parser.add_argument("--no-restart", action="store_true")
    parser.add_argument("--rank", action="store_true")
    parser.add_argument(
        "--fronts", nargs="+", help="for wave: runs of the first phase, or names of shipped weights"
    )
    parser.add_argument("--decoder", default="wavenet-vocoder", help="for wave: the WaveNet to begin from")
    parser.add_argument("--batch", type=int, help="16 crops of spectrograms, or 2 of waveforms")
    parser.add_argument("--frames", type=int, help="length of a crop: 128 frames, or 16 of waveforms")
    parser.add_argument("--learning-rate", type=float, help="2e-3, or 5e-4 in the second phase")
    parser.add_argument("--decay", type=float, default=0.6, help="last share of the run in which the rate falls")
    parser.add_argument("--evaluate-every", type=int, default=500)
    parser.add_argument("--limit", type=int, help="only so many recordings a voice")
    options = parser.parse_args(arguments)
    wave = options.phase == "wave"
    options.batch = options.batch or (2 if wave else 16)
    options.frames = options.frames or (16 if wave else 128)
    options.learning_rate = options.learning_rate or (5e-4 if wave else 2e-3)
    options.run = options.run or Path("runs") / ("vqvae-wave" if wave else f"vqvae-{options.preset}")
    if wave and not options.fronts:
        parser.error("wave needs --fronts: runs of the first phase, or names of shipped weights")
    return options


def config_for(options: argparse.Namespace) -> VQVAEConfig:
    """The preset, and what the command line says otherwise."""
    changes: dict[str, Any] = {"speakers": tuple(options.speakers)} if options.speakers else {}
    names = {field.name for field in fields(VQVAEConfig)} - {"speakers", "restart", "rank", "decay", "decoder"}
    changes |= {name: value for name, value in vars(options).items() if name in names and value is not None}
    changes |= {"restart": False} if options.no_restart else {}
    changes |= {"rank": True} if options.rank else {}
    return replace(PRESETS[options.preset], **changes)


def of_run(folder: Path) -> tuple[VQVAE, dict[str, Any]]:
    """The averaged weights of a run of either phase, and its state."""
    model = VQVAE(VQVAEConfig(**json.loads((folder / "config.json").read_text())))
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), json.loads((folder / "state.json").read_text())


def front(source: str) -> tuple[str, VQVAE, dict[str, Any]]:
    """A front by its run's folder or its weights' name: name without hyphens, model, and what led to it."""
    path = Path(source)
    name = path.name.replace("-", "_").removesuffix("_spectral")
    if not (path / "config.json").is_file():
        return name, cast(VQVAE, weights.load(source)), training.begun_from(weights.card(source))
    model, state = of_run(path)
    card = {"steps": state["step"], "hours": state["hours"], "training_command": training.commands(state)}
    return name, model, training.begun_from(card)


def reader() -> MelPitch:
    """The shipped vocoder's reader of pitch, fixed."""
    condition = cast(WaveNet, weights.load("wavenet-vocoder")).condition
    assert condition is not None and condition.pitch is not None
    return condition.pitch.requires_grad_(False)


def many_notes(options: argparse.Namespace) -> bool:
    """Music with many notes at once, of which no single pitch can be read."""
    return bool(options.preset == "piano")


def warp_of(options: argparse.Namespace) -> float:
    """How far the encoder's input is moved in frequency: a voice's throat may be longer, a note may not be another."""
    return 0.0 if many_notes(options) else data.WARP


def without_clock(wavenet: WaveNet) -> WaveNet:
    """The same network but for its pitch clock: conditioned on the mel alone, frame by frame."""
    plain = WaveNet(replace(wavenet.config, harmonics=0, condition_hop_samples=0))
    own = plain.state_dict()
    fitting = {name: value for name, value in wavenet.state_dict().items()
               if name in own and own[name].shape == value.shape}  # fmt: skip
    plain.load_state_dict(own | fitting)
    return plain


def schedule_of(options: argparse.Namespace) -> training.Schedule:
    return training.Schedule(
        steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
        evaluate_every=options.evaluate_every, ema=0.998,
    )  # fmt: skip


def spectral(
    options: argparse.Namespace, model: VQVAE, train: Sequence[Utterance], held: Sequence[Utterance]
) -> dict:
    """The first phase, in place."""
    options.run.mkdir(parents=True, exist_ok=True)
    (options.run / "config.json").write_text(json.dumps(model.config.to_dict(), indent=1))
    seed = options.seed + training.Checkpoint(options.run).steps()
    return training.fit(
        model.train(),
        data.batches(train, batch=options.batch, frames=options.frames, seed=seed, warp=warp_of(options)),
        functools.partial(spectral_step, reader=None if many_notes(options) else reader()),
        folder=options.run, schedule=schedule_of(options),
        evaluate=functools.partial(evaluate, utterances=held), seed=options.seed,
        optimizer=optimizer_for(model, options.learning_rate),
        begun=training.begun_from(weights.card(options.resume)) if options.resume else None,
        command=training.command_line("core.vqvae.train", options),
    )  # fmt: skip


def wave(options: argparse.Namespace, train: Sequence[Utterance], held: Sequence[Utterance]) -> dict[str, Any]:
    """The second phase; each part is then left in a folder of its own."""
    sources = [front(source) for source in options.fronts]
    fronts = {name: model for name, model, _ in sources}
    begun = {name: state for name, _, state in sources}
    begun["decoder"] = training.begun_from(weights.card(options.decoder))
    wavenet = cast(WaveNet, weights.load(options.decoder))
    if many_notes(options):
        wavenet = without_clock(wavenet)
    config = wavenet.config
    if config.harmonics:
        train, held = (
            [data.with_mel(one, pitch_train.clocked(one.recording, config).mel) for one in part]
            for part in (train, held)
        )
    joint = Joint(fronts, wavenet).train()
    sizes = {"batch": options.batch, "frames": options.frames, "context": CONTEXT_FRAMES, "listeners": LISTENERS}
    fixed = [next(data.wave_batches(held, batch=6, frames=64, context=CONTEXT_FRAMES, seed=0, warp=0.0))]
    seed = options.seed + training.Checkpoint(options.run).steps()
    state = training.fit(
        joint, data.wave_batches(train, **sizes, seed=seed, warp=warp_of(options)), wave_step, folder=options.run,
        schedule=schedule_of(options), seed=options.seed, optimizer=optimizer_for(joint, options.learning_rate),
        evaluate=functools.partial(evaluate_joint, utterances=held, batches=fixed),
        command=training.command_line("core.vqvae.train", options),
    )  # fmt: skip
    leave(options.run, joint, begun, state)
    return state


def leave(folder: Path, joint: Joint, begun: dict[str, dict[str, Any]], state: dict[str, Any]) -> None:
    """RUN/<front>/ and RUN/decoder/ with config.json, average.safetensors and state.json, as `of_run` reads them.

    A front has had its share of the run's steps and hours, the WaveNet all of them.
    """
    parts: dict[str, VQVAE | WaveNet] = {name: cast(VQVAE, one) for name, one in joint.fronts.items()}
    for name, model in (parts | {"decoder": joint.wavenet}).items():
        share = 1 if name == "decoder" else len(joint.fronts)
        before = begun[name]
        own = state | {
            "step": before["step"] + state["step"] // share, "hours": before["hours"] + state["hours"] / share,
            "former_commands": before["former_commands"] + state.get("former_commands", []),
        }  # fmt: skip
        place = folder / name
        place.mkdir(exist_ok=True)
        (place / "config.json").write_text(json.dumps(model.config.to_dict(), indent=1))
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, place / "average.safetensors")
        (place / "state.json").write_text(json.dumps(own, indent=1))


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.prepare_cpu()
    training.opening(options)
    train, held = (
        data.load(
            options.data, options.voices, held_out=held_out, limit=min(options.limit or 12, 12) if held_out else
            options.limit, speakers=config_for(options).speakers,
        )
        for held_out in (False, True)
    )  # fmt: skip
    print(f"{len(train)} utterances, {sum(one.frames for one in train) / 4800:.1f} min", flush=True)
    if options.phase == "wave":
        wave(options, train, held)
        return
    model = cast(VQVAE, weights.load(options.resume)) if options.resume else VQVAE(config_for(options))
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    spectral(options, model, train, held)


if __name__ == "__main__":
    main()
