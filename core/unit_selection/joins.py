"""Pieces of recordings become one sound: met at the same phase of the voice, and faded into each other.

Source: the waveform-similarity overlap-add of Verhelst and Roelands 1993 (WSOLA), at the joins only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

MARGIN_SAMPLES = 400  # read on either side of a piece, for the fade and the search
UNVOICED_PERIOD_SAMPLES = 80  # 5 ms
FADE_PERIODS = 1.5
EDGE_FADE_SAMPLES = 80


@dataclass(frozen=True)
class Piece:
    """Sound of one recording, in one go: samples start … stop; periods of the voice where it begins and ends, or 0."""

    recording: int
    start: int
    stop: int
    period_before: int = 0
    period_after: int = 0


@dataclass(frozen=True)
class Placed:
    """Where a piece went: samples start … stop of the output; lag: how far its beginning was moved in its recording."""

    start: int
    stop: int
    lag: int


def crossfade(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Fade from a to b, both [N], by a raised cosine.

    What is alike adds up in amplitude, what is unlike in power: w a + (1 - w) b, over the power that a sum of two
    sounds of their correlation r has, sqrt(w^2 + (1 - w)^2 + 2 r w (1 - w)); so that noise does not dip at a join.
    """
    w = 0.5 + 0.5 * np.cos(np.pi * (np.arange(len(a)) + 0.5) / max(len(a), 1))
    r = float(np.clip(correlation(a, b[None])[0], 0.0, 1.0))
    return (w * a + (1 - w) * b) / np.sqrt(w**2 + (1 - w) ** 2 + 2 * r * w * (1 - w))


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Normalised correlation of a [N] with every row of b [L, N]: in [-1, 1], 0 for silence."""
    power = np.sqrt((a**2).sum() * (b**2).sum(axis=1))
    return (b @ a) / np.maximum(power, 1e-9)


def best_lag(a: np.ndarray, b: np.ndarray, lags: int) -> int:
    """The shift in [-lags, lags] at which b is most like a.

    Args:
        a: [N].  b: [N + 2 lags], the same stretch of the other sound with `lags` samples more on either side.
    Returns:
        the lag; of equally good ones that nearest to 0.
    """
    rows = np.lib.stride_tricks.sliding_window_view(b, len(a))  # [2 lags + 1, N]
    score = correlation(a, rows) - 1e-6 * np.abs(np.arange(-lags, lags + 1))
    return int(score.argmax()) - lags


def concatenate(
    pieces: Sequence[Piece], read: Callable[[int, int, int], np.ndarray]
) -> tuple[np.ndarray, list[Placed]]:
    """Join the pieces in order.

    At each join the incoming piece is shifted by up to half a period of the voice to where it continues the wave
    best, and faded in over one and a half periods around the join.

    Args:
        pieces: at least one.  read: (recording, start, stop) -> float32 [stop - start], zeros beyond its ends.
    Returns:
        float32 [T], and where each piece went.
    """
    out = np.zeros(sum(p.stop - p.start for p in pieces) + len(pieces) * MARGIN_SAMPLES, np.float32)
    placed: list[Placed] = []
    end = 0  # where the last piece ends in the output; MARGIN_SAMPLES of what follows it are there, too
    for i, piece in enumerate(pieces):
        sound = read(piece.recording, piece.start - MARGIN_SAMPLES, piece.stop + MARGIN_SAMPLES)
        fade, lag = 0, 0
        if i:
            fade, lags = _reach(pieces[i - 1], piece, end - placed[-1].start)
            a = out[end - fade : end + fade].copy()
            near = sound[MARGIN_SAMPLES - fade - lags : MARGIN_SAMPLES + fade + lags]  # [2 fade + 2 lags]
            lag = best_lag(a, near, lags) if fade else 0
            out[end - fade : end + fade] = crossfade(a, near[lags + lag :][: 2 * fade])
        rest = sound[MARGIN_SAMPLES + lag + fade :]
        out[end + fade : end + fade + len(rest)] = rest
        placed.append(Placed(end, end + piece.stop - piece.start - lag, lag))
        end = placed[-1].stop
    return _edges(out[:end]), placed


def _reach(a: Piece, b: Piece, produced: int) -> tuple[int, int]:
    """Half the length of the fade and the greatest lag, in samples, that the voice asks for and both pieces allow.

    Args:
        produced: samples of the output since the beginning of a.
    """
    known = [period for period in (a.period_after, b.period_before) if period]
    period = round(sum(known) / len(known)) if known else UNVOICED_PERIOD_SAMPLES
    period = min(period, MARGIN_SAMPLES // 2)
    room = min(produced, b.stop - b.start)
    lags = min(period // 2, room // 4) if known else 0
    return max(min(round(FADE_PERIODS * period / 2), room // 2), 0), lags


def _edges(x: np.ndarray) -> np.ndarray:
    """Fade the very beginning and end, so that neither clicks."""
    count = min(EDGE_FADE_SAMPLES, len(x) // 2)
    ramp = np.sin(np.linspace(0, np.pi / 2, count, dtype=np.float32)) ** 2
    x[:count] *= ramp
    x[len(x) - count :] *= ramp[::-1]
    return x
