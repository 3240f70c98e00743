"""BSS Eval of our own: against museval, mir_eval and closed forms; and what each way of spoiling a stem does to it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from core.errors import AudioError
from core.separation import degrade, scores, scores_figures
from demos._separation import scores as cell
from demos._tab import LANGUAGES, strings

RATE_HZ = 8000
NOTHING = {"interference": 0.0, "artefacts": 0.0, "spatial": 0.0, "noise": 0.0}


def scene(stems: int = 2, seconds: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Coloured noises [J, 2, N] with all frequencies in them, and an estimate of the first with every kind of error."""
    generator = np.random.default_rng(3)
    sounds = generator.standard_normal((stems, 2, round(seconds * RATE_HZ)))
    sounds = sounds + 0.5 * np.roll(sounds, 3, axis=2) + 0.3 * sounds[:, ::-1]
    estimate = sounds[0] * [[1.0], [0.8]] + 0.3 * np.roll(sounds[1], 5, axis=1)
    return sounds, estimate + 0.1 * generator.standard_normal(estimate.shape)


def as_museval(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -1, -2)  # [.., C, N] -> [.., N, C]


@pytest.mark.parametrize("stems", [2, 3])
def test_frames_are_museval_s(stems):
    metrics = pytest.importorskip("museval.metrics")
    sounds, estimate = scene(stems)
    estimates = np.concatenate([estimate[None], sounds[1:] + 0.2 * estimate])
    sdr, isr, sir, sar, _ = metrics.bss_eval(as_museval(sounds), as_museval(estimates), window=RATE_HZ, hop=RATE_HZ)
    references = scores.References(sounds)
    for j in range(stems):
        found = references.frames(estimates[j], j, frame_samples=RATE_HZ)
        for name, theirs in (("SDR", sdr), ("ISR", isr), ("SIR", sir), ("SAR", sar)):
            assert found[name] == pytest.approx(theirs[j], abs=1e-3), name


def test_one_frame_is_mir_eval_s_version_3():
    separation = pytest.importorskip("mir_eval.separation")
    sounds, estimate = scene()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs = separation.bss_eval_images(
            as_museval(sounds), as_museval(np.stack([estimate, sounds[1]])), compute_permutation=False
        )
    found, _ = scores.References(sounds).judge(estimate, 0)
    for name, values in zip(("SDR", "ISR", "SIR", "SAR"), theirs):
        assert found[name] == pytest.approx(values[0], abs=1e-3), name


def test_the_page_s_scene_is_museval_s_with_512_taps():
    metrics = pytest.importorskip("museval.metrics")
    here = degrade.scene()
    estimate = degrade.degrade(here.target, here.others, interference=0.3, artefacts=0.1, spatial=0.2, noise=0.05)
    found, _ = degrade.references().judge(estimate, 0)
    stems = as_museval(np.stack([here.target, here.others]).astype(float))
    theirs = metrics.bss_eval(
        stems, np.stack([as_museval(estimate.astype(float)), stems[1]]), window=np.inf, hop=np.inf
    )
    for name, values in zip(("SDR", "ISR", "SIR", "SAR"), theirs):
        assert found[name] == pytest.approx(values[0, 0], abs=1e-3), name


def test_the_parts_add_up_and_are_orthogonal():
    sounds, estimate = scene(3)
    _, parts = scores.References(sounds, taps=64).judge(estimate, 0)
    whole = parts.target + parts.spatial + parts.interference + parts.artefacts
    assert whole == pytest.approx(np.pad(estimate, ((0, 0), (0, 63))), abs=1e-9)
    explained = parts.target + parts.spatial
    assert abs(np.sum(parts.artefacts * sounds_padded(sounds[1], 63))) < 1e-6 * np.sum(sounds[1] ** 2)
    assert abs(np.sum(explained * parts.interference)) < 1e-6 * np.sum(explained**2)


def sounds_padded(x: np.ndarray, more: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, more)))


def test_least_squares_filters_are_those_of_numpy():
    generator = np.random.default_rng(0)
    sounds, estimate = generator.standard_normal((2, 1, 60)), generator.standard_normal((1, 60))
    columns = [np.pad(sounds[j, 0], (m, 3 - m)) for j in range(2) for m in range(4)]
    wanted = np.linalg.lstsq(np.stack(columns, axis=1), np.pad(estimate[0], (0, 3)), rcond=None)[0]
    assert scores.References(sounds, taps=4).filters(estimate)[0].reshape(-1) == pytest.approx(wanted, abs=1e-9)


def spoiled(**shares: float) -> dict[str, float]:
    here = degrade.scene()
    return degrade.references().judge(degrade.degrade(here.target, here.others, **NOTHING | shares), 0)[0]


def test_each_way_of_spoiling_moves_its_own_ratio():
    for share in (0.1, 0.2):
        ratio = -20 * np.log10(share)
        found = spoiled(noise=share)
        assert found["SDR"] == pytest.approx(ratio, abs=0.05) and found["SAR"] == pytest.approx(ratio, abs=0.1)
        assert min(found["SIR"], found["ISR"]) > ratio + 20
    here = degrade.scene()
    found = spoiled(interference=0.5)
    ratio = 10 * np.log10(np.sum(here.target**2) / np.sum((0.5 * here.others) ** 2))
    assert found["SDR"] == pytest.approx(ratio, abs=0.05) and found["SIR"] == pytest.approx(ratio, abs=0.3)
    assert found["ISR"] > ratio + 20 and found["SAR"] > 100
    found = spoiled(spatial=0.4)
    assert found["ISR"] == pytest.approx(found["SDR"], abs=0.01) and min(found["SIR"], found["SAR"]) > 40
    found = spoiled(artefacts=0.3)
    assert found["SAR"] < 10 < found["SIR"]
    assert min(spoiled().values()) > 100


def test_one_second_frames_of_coded_stems_are_harsher_as_the_page_says():
    """The filters of the whole ring where a frame is cut; museval gives the same within a tenth of a decibel."""
    metrics = pytest.importorskip("museval.metrics")
    here = degrade.scene()
    estimate = degrade.degrade(here.target, here.others, **NOTHING | {"noise": 0.1})
    whole, _ = degrade.references().judge(estimate, 0)
    frames = degrade.references().frames(estimate, 0, frame_samples=here.sample_rate_hz)
    for name in ("SIR", "SAR"):
        assert np.median(frames[name]) < whole[name] - 10
    assert np.median(frames["SDR"]) == pytest.approx(whole["SDR"], abs=1)
    stems = as_museval(np.stack([here.target, here.others]).astype(float))
    estimates = np.stack([as_museval(estimate.astype(float)), stems[1]])
    _, _, sir, sar, _ = metrics.bss_eval(stems, estimates, window=here.sample_rate_hz, hop=here.sample_rate_hz)
    assert np.median(frames["SIR"]) == pytest.approx(np.median(sir[0]), abs=0.2)
    assert np.median(frames["SAR"]) == pytest.approx(np.median(sar[0]), abs=0.2)


def test_equal_channels_are_no_obstacle():
    sounds, estimate = scene()
    sounds[0, 1] = sounds[0, 0]
    found, parts = scores.References(sounds).judge(estimate, 0)
    assert np.isfinite(list(found.values())).all() and np.abs(parts.target - parts.target[::-1]).max() == 0


def test_frames_of_silence_have_no_figures():
    sounds, estimate = scene()
    sounds[0, :, :RATE_HZ] = 0
    found = scores.References(sounds, taps=32).frames(estimate, 0, frame_samples=RATE_HZ)
    assert np.isnan([found[name][0] for name in found]).all() and np.isfinite([found[name][1] for name in found]).all()


def test_what_cannot_be_judged_is_refused():
    sounds, estimate = scene()
    for stems in (sounds[0], np.zeros_like(sounds), np.stack([sounds[0], 0 * sounds[1]])):
        with pytest.raises(AudioError, match="none of them silent"):
            scores.References(stems)
    with pytest.raises(AudioError, match="must be"):
        scores.References(sounds, taps=8).filters(estimate[:, 1:])


def test_figures_draw_what_was_found():
    sounds, estimate = scene()
    _, parts = scores.References(sounds, taps=32).judge(estimate, 0)
    found = {"SDR": 7.25, "SIR": float("inf"), "ISR": -30.0, "SAR": float("nan")}
    figure = scores_figures.bars(found, words={"metric": "m", "decibels": "d"})
    assert [bar.y[0] for bar in figure.data] == [7.25, 40.0, -10.0, 0.0]
    assert [bar.text[0] for bar in figure.data] == ["7.2 dB", "∞ dB", "-30.0 dB", "– dB"]
    levels = scores_figures.levels_db(parts)
    energies = [np.sum(getattr(parts, name) ** 2) for name in scores.PARTS]
    assert levels["artefacts"] == pytest.approx(10 * np.log10(energies[3] / energies[0]))
    words = {name: name for name in (*scores.PARTS, "time")}
    drawn = scores_figures.waveforms(parts, sample_rate_hz=RATE_HZ, words=words)
    assert [line.name for line in drawn.data] == list(scores.PARTS)
    assert max(drawn.data[0].y) == pytest.approx(parts.target.mean(axis=0).max(), abs=1e-4)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cell_says_what_it_found(language):
    t = strings("separation", language).cell("scores")
    found, bars, _, sounds, parts = cell.show(t, 0, 0, 0, 10)
    assert found["SDR"] == pytest.approx(20, abs=0.1) and "20.0" in bars["summary"] and "-20.0" in parts["summary"]
    assert len(sounds) == 3
    for metric in cell.EQUATIONS:
        assert f"{scores_figures.written(found[metric])}\\ " in cell.explain(t, metric, found)
