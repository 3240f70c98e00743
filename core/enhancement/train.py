"""Train the enhancer.

    python -m core.enhancement.train --data PATH --minutes 60
    python -m core.enhancement.train --data PATH --prompts PATH/en_US_f_Allison PATH/it_IT_m_Carlo --minutes 60

--data is a folder with corpora of speech and of noise, such as VoiceBank-DEMAND's clean_trainset_28spk_wav beside
ESC-50 or UrbanSound8K (core.enhancement.corpora lists all that are known); --prompts further voices, a folder each,
such as the sounds of Debian's packages asterisk-core-sounds-…-g722.

Continues the run in --run; else begins from the shipped weights of --resume, if given; else anew. Ctrl-C ends a run
in good order.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from core import training, weights
from core.enhancement import corpora, data
from core.enhancement import spectrum as spectral
from core.enhancement.model import CRN, PRESETS

COMPRESSION = 0.3
RESOLUTIONS = (256, 1024)  # windows of the loss, in samples: one shorter than the network's, one longer
COMPLEX_SHARE = 0.3
SPECTRAL_WEIGHT, RATIO_WEIGHT, SPEECH_WEIGHT = 60.0, 0.1, 0.3
SPEAKING_DB = 35.0  # below the loudest frame of the voice, a frame counts as a pause


def compressed_distance(found: Tensor, wanted: Tensor, window_samples: int) -> Tensor:
    """Squared error of compressed spectra, of magnitudes and of complex values.

    Source: Braun and Tashev 2021 (arXiv:2009.12286), equation 3, after Ephrat et al. 2018: with S^c = |S|^c e^(i phase)
    and c = 0.3, L = (1 - a) mean (|S|^c - |S'|^c)^2 + a mean |S^c - S'^c|^2, a = 0.3. By the law of cosines that is
    mean (A - B)^2 + 2 a A B (1 - cos of the angle between S and S'), with A = |S|^c, B = |S'|^c.

    Args:
        found, wanted: float [B, T].
    Returns:
        float [B].
    """
    window = torch.hann_window(window_samples, device=found.device)
    real, imaginary, powers = [], [], []
    for x in (found, wanted):
        spectrum = torch.stft(
            x, window_samples, window_samples // 2, window=window, return_complex=True, pad_mode="constant"
        )  # [B, bins, frames]
        real.append(spectrum.real)
        imaginary.append(spectrum.imag)
        powers.append(real[-1].square() + imaginary[-1].square() + 1e-7)
    sizes = [power ** (COMPRESSION / 2) for power in powers]
    cosine = (real[0] * real[1] + imaginary[0] * imaginary[1]) * (powers[0] * powers[1]).rsqrt()
    product = sizes[0] * sizes[1]
    error = (sizes[0] - sizes[1]).square() + 2 * COMPLEX_SHARE * product * (1 - cosine)
    return error.mean(dim=(1, 2))


def scale_invariant_ratio_db(found: Tensor, wanted: Tensor) -> Tensor:
    """SI-SDR in dB: how large the part of `found` along `wanted` is beside the rest.

    Source: Le Roux et al. 2019, "SDR - half-baked or well done?" (arXiv:1811.02508), equation 5; means removed.

    Args:
        found, wanted: float [..., T].
    Returns:
        float [...].
    """
    found, wanted = (x - x.mean(dim=-1, keepdim=True) for x in (found, wanted))
    scale = (found * wanted).sum(-1, keepdim=True) / (wanted.square().sum(-1, keepdim=True) + 1e-9)
    target = scale * wanted
    return 10 * torch.log10((target.square().sum(-1) + 1e-9) / ((found - target).square().sum(-1) + 1e-9))


def speaking(voice: Tensor) -> Tensor:
    """Which frames of `spectrum.analyse` have the voice in them: float [B, F'] of 0 and 1."""
    powers = spectral.analyse(voice).abs().square().sum(-1)  # [B, F']
    loudest = powers.amax(dim=1, keepdim=True)
    return ((powers > loudest * 10 ** (-SPEAKING_DB / 10)) & (loudest > 0)).float()


def loss_of(model: CRN, noisy: Tensor, voice: Tensor) -> Tensor:
    """Spectra, waveform and the question whether somebody speaks, float []; noisy and voice: float [B, T]."""
    spectrum = spectral.analyse(noisy)
    device_type = noisy.device.type
    with torch.autocast(device_type, torch.bfloat16, enabled=device_type == "cpu"):
        mask, speech, _ = model(spectrum)
    found = spectral.synthesise(mask * spectrum, noisy.shape[1])
    there = voice.abs().amax(dim=1) > 0  # [B]
    # Every mixture counts alike: its voice, or the noise where there is none, at -25 dBFS.
    level = torch.where(there, voice.square().mean(1), noisy.square().mean(1)).sqrt()
    gain = (0.056 / level.clamp(min=1e-6))[:, None]
    loss = SPECTRAL_WEIGHT * torch.stack(
        [compressed_distance(found * gain, voice * gain, size) for size in RESOLUTIONS]
    ).mean()
    ratio = scale_invariant_ratio_db(found * gain, voice * gain)
    loss = loss - RATIO_WEIGHT * (ratio * there).mean()
    return loss + SPEECH_WEIGHT * F.binary_cross_entropy_with_logits(speech, speaking(voice))


def step_loss(model: CRN, batch: tuple[Tensor, Tensor]) -> float:
    """Loss and gradients of one batch."""
    device = next(model.parameters()).device
    loss = loss_of(model, *(x.to(device) for x in batch))
    loss.backward()
    return loss.item()


@torch.no_grad()
def evaluate(model: CRN, mixtures: tuple[Tensor, Tensor]) -> dict[str, float]:
    """Gain of SI-SDR (dB) on mixtures that are not trained on, and how often a frame's speech is told right."""
    noisy, voice = mixtures
    spectrum = spectral.analyse(noisy)
    mask, speech, _ = model(spectrum)
    found = spectral.synthesise(mask * spectrum, noisy.shape[1])
    there = voice.abs().amax(dim=1) > 0
    after, before = (scale_invariant_ratio_db(x[there], voice[there]) for x in (found, noisy))
    after, before = after[before < 30], before[before < 30]  # without those that have no noise
    distance = compressed_distance(found, voice, 512)[there].mean()
    quiet = 10 * torch.log10((found[~there].square().sum() + 1e-9) / (noisy[~there].square().sum() + 1e-9))
    right = ((speech > 0) == (speaking(voice) > 0)).float().mean()
    return {
        "gain_db": float((after - before).mean()), "si_sdr": float(after.mean()), "distance": 100 * float(distance),
        "left_of_noise_db": float(quiet), "speech_right": float(right),
    }  # fmt: skip


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--data", type=Path, required=True, help="folder with corpora of speech and of noise")
    parser.add_argument("--prompts", type=Path, nargs="*", default=[], help="further voices, a folder each")
    parser.add_argument("--run", type=Path, default=Path("runs/enhancement"), help="folder of checkpoints")
    training.run_options(parser)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a mixture")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.5, help="last share of the run in which the rate falls")
    parser.add_argument("--evaluate-every", type=int, default=250)
    parser.add_argument("--watch", type=int, default=64, help="mixtures that watch the training")
    parser.add_argument("--limit", type=int, help="use only so many recordings of a kind, to try things out")
    return parser.parse_args(arguments)


def limited(items: list[corpora.Item], count: int | None) -> list[corpora.Item]:
    """The first `count` of each kind and part; all without a count."""
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for item in items:
        seen[item.kind, item.part] += 1
        if count is None or seen[item.kind, item.part] <= count:
            kept.append(item)
    return kept


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.opening(options)
    model = cast(CRN, weights.load(options.resume)) if options.resume else CRN(PRESETS[options.preset])
    items = limited(corpora.found(options.data, options.prompts), options.limit)
    cache = options.run / "cache"
    sounds = data.parts(items, "train", cache)
    for kind, one in sounds.items():
        minutes = len(one.samples) / spectral.SAMPLE_RATE_HZ / 60
        print(f"{kind}: {len(one)} recordings, {minutes:.1f} min, {len(set(one.groups))} groups", flush=True)
    watching = data.parts(items, "validation", cache)
    recipe = data.Recipe(seconds=options.seconds)
    held_out = next(data.batches(data.Mixer(watching, recipe, seed=1), batch=options.watch))
    begun = training.begun_from(weights.card(options.resume)) if options.resume else None
    done = training.Checkpoint(options.run).steps() or (begun["step"] if begun else 0)
    mixer = data.Mixer(sounds, recipe, seed=options.seed + done)
    model = model.to(training.device_for(options.device)).train()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    training.fit(
        model, data.batches(mixer, batch=options.batch), step_loss,
        folder=options.run,
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
            evaluate_every=options.evaluate_every, ema=0.998,
        ),
        evaluate=lambda network: evaluate(network, held_out), seed=options.seed, begun=begun,
        command=training.command_line("core.enhancement.train", options),
    )  # fmt: skip


if __name__ == "__main__":
    main()
