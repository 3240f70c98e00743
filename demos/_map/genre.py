"""What music is it: fifty tags second by second, the genres among them, and which energy speaks for one."""

from __future__ import annotations

import functools
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr
import numpy as np

from demos import _models
from demos import _widgets as w
from demos._map import genre_figures as figures
from demos._map import sound
from demos._map.answer import Answer, Task, table
from demos._tab import ROOT, Strings

if TYPE_CHECKING:
    from torch import Tensor

    from core.tags.model import Musicnn
    from core.tags.sample import Genre, Tags

CELL = "genre"
WEIGHTS = "tags-musicnn"
TABLE = ROOT / "assets/tables/tags.json"
BEST = "best"
ROWS = ("tags", "genres")
USUAL = ("tags", BEST, 1)  # rows of the taggram, tag, second
SHOWN = 12  # tags in a figure, at most: as many as there are genres
TAKEN = 0.1  # of the picture is taken away
NAMES = (  # core.tags.model.TAGS by the alphabet; a page may not import it: it loads torch
    "ambient", "beat", "beats", "cello", "choir", "choral", "classic", "classical", "country", "dance", "drums",
    "electronic", "fast", "female", "female vocal", "female voice", "flute", "guitar", "harp", "harpsichord", "indian",
    "loud", "male", "male vocal", "male voice", "man", "metal", "new age", "no vocal", "no vocals", "no voice", "opera",
    "piano", "pop", "quiet", "rock", "singing", "sitar", "slow", "soft", "solo", "strings", "synth", "techno", "violin",
    "vocal", "vocals", "voice", "weird", "woman",
)  # fmt: skip
NAMED = {  # how a figure of the table begins -> (key of its words, kind of the sounds it was measured on)
    "piano called": ("classical", "piano"), "piano: the tag": ("piano", "piano"),
    "electronic song": ("electronic", "electronic song"), "sung pop": ("pop", "pop, sung"),
    "man or woman": ("sex", "pop, sung"),
}  # fmt: skip


class Heard(NamedTuple):
    """A sound [T] and what the network says of it."""

    model: Musicnn
    x: Tensor
    tags: Tags
    genre: Genre


def build(t: Strings, source: sound.Source) -> None:
    """The cell `genre`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "rain")
        with w.controls(t), w.row():
            rows = w.link("rows", gr.Radio([(t(f"rows_{key}"), key) for key in ROWS], value=USUAL[0], label=t("rows")))
            tag = w.link("tag", gr.Dropdown([(t("best"), BEST), *NAMES], value=USUAL[1], label=t("tag")))
            at = w.link("tag-at", gr.Slider(0, sound.SECONDS, USUAL[2], step=0.5, label=t("at")))
        taggram = w.figure(t, "taggram", height=420)
        verdict = w.note(t, "verdict")
        bars = w.figure(t, "bars", height=400)
        w.prose(t, "genre-evidence")
        evidence = w.figure(t, "evidence", height=480)
        w.quiz(t, "gradient")
        again = w.note(t, "again")
        player = w.player(t, "sounds")
        w.prose(t, "genre-good")
        table = w.note(t, "table")
        w.code(t, "core.tags.sample:tags", "core.tags.sample:genre", "core.tags.sample:evidence",
               "core.tags.model:Musicnn.forward", take_away)  # fmt: skip
    controls, outputs = [rows, tag, at], [taggram, verdict, bars, evidence, again, player]
    inputs = [*source.inputs, *controls]
    sound.connect(t, source, taggram, partial(show, t), outputs, controls=controls, usual=USUAL)
    w.on(t, [rows.change, tag.change, at.release], partial(show, t), inputs, outputs, heavy=True,
         trigger_mode="always_last", show_progress="hidden")  # fmt: skip

    def clicked(path: Any, start: Any, rows: Any, tag: Any, at: Any, seen: gr.SelectData) -> tuple:
        return picked(t, path, start, rows, float(seen.value["x"]), float(seen.value["y"]))

    def barred(seen: gr.SelectData) -> Any:
        return str(seen.value["y"]) if str(seen.value["y"]) in NAMES else gr.skip()

    w.on(t, taggram.select, clicked, inputs, [tag, at, *outputs], heavy=True, show_progress="hidden")
    w.on(t, bars.select, barred, None, tag)
    w.on(t, taggram.appear, partial(table_text, t), None, table)


@functools.lru_cache(maxsize=4)
def _heard(model: Musicnn, x: Tensor) -> Heard:
    """Tensors and networks are told apart by who they are, not by what they hold."""
    from core.tags.sample import genre, tags

    found = tags(model, x)
    return Heard(model, x, found, genre(model, found))


def hear(path: str | None, start: Any) -> Heard:
    return _heard(_models.load(WEIGHTS), sound.load(path, start))


def show(t: Strings, path: str | None, start: Any, rows: Any, tag: Any, at: Any) -> tuple:
    """(taggram, verdict, bars, evidence, table, sounds).

    Raises:
        AudioError: as `sound.load`.
    """
    heard = hear(path, start)
    names, shares = _rows(heard, rows)
    window = _window(heard, at)
    chosen = tag if tag in heard.tags.names else names[int(shares[window].argmax())]
    drawn = draw_taggram(t, heard, names, shares, window, chosen)
    excerpt, seconds = _excerpt(heard, window)
    parts, said, found = take_away(heard.model, excerpt, chosen)
    tracks = [w.track(t(f"track_{key}"), x) for key, x in parts.items()]
    return (drawn, verdict_text(t, heard), draw_bars(t, names, shares, rows),
            draw_evidence(t, heard, excerpt, found, chosen, seconds), again_text(t, chosen, said), tracks)  # fmt: skip


def picked(t: Strings, path: str | None, start: Any, rows: Any, second: float, row: float) -> tuple:
    """(tag, second, and all of `show`) for a click on the taggram."""
    names, _ = _rows(hear(path, start), rows)
    chosen = names[min(max(round(row), 0), len(names) - 1)]
    return chosen, round(2 * second) / 2, *show(t, path, start, rows, chosen, second)


def _rows(heard: Heard, rows: Any) -> tuple[list[str], np.ndarray]:
    """The tags that a figure shows, the likeliest first, and their shares over time: float [W, N]."""
    names, mean, over_time = heard.tags.names, heard.tags.mean, heard.tags.over_time
    if rows == ROWS[1]:
        names, mean, over_time = heard.genre.names, heard.genre.mean, heard.genre.over_time
    order = mean.argsort(descending=True)[:SHOWN].tolist()
    return [names[k] for k in order], over_time[:, order].numpy()


def _window(heard: Heard, at: Any) -> int:
    """The window whose middle is nearest to a second."""
    return int(np.abs(np.array(heard.tags.seconds) - float(at or 0)).argmin())


def _excerpt(heard: Heard, window: int) -> tuple[Tensor, float]:
    """The sound of one window, exactly as many frames as the network takes, and the second where it begins."""
    config = heard.model.config
    first = round(heard.tags.seconds[window] * config.sample_rate_hz / config.hop_samples - config.window_frames / 2)
    samples = (config.window_frames - 1) * config.hop_samples
    start = max(0, first) * config.hop_samples
    return heard.x[start : start + samples], start / config.sample_rate_hz


def take_away(model: Musicnn, x: Tensor, tag: str) -> tuple[dict[str, Tensor], dict[str, float], Tensor]:
    """Take the tenth of the picture away that speaks most for a tag, and ask again; and a tenth at random.

    Args:
        x: float [T], one window.
    Returns:
        The sounds, float [T] each; how likely the tag is in each; the evidence, float [frames, bands].
    """
    from core.spotlight import brightest, shuffled, split
    from core.tags.data import mel_filters
    from core.tags.sample import evidence, tags

    config = model.config
    found = evidence(model, x, tag)
    mask = brightest(found, TAKEN)
    filters = mel_filters(config.sample_rate_hz, config.window_samples, config.bands)
    parts = {"sound": x}
    for key, chosen in (("without", mask), ("random", shuffled(mask))):
        _, parts[key] = split(x, chosen, filters, hop_samples=config.hop_samples)
    place = config.tags.index(tag)
    return parts, {key: float(tags(model, part).mean[place]) for key, part in parts.items()}, found


def _percent(value: Any) -> str:
    """Of small shares one digit behind the point: they are most of what is here."""
    percent = 100 * float(value)
    return f"{percent:.0f}" if percent >= 10 else f"{percent:.1f}"


def draw_taggram(t: Strings, heard: Heard, names: list[str], shares: np.ndarray, window: int,
                 tag: str) -> dict[str, Any]:  # fmt: skip

    row = names.index(tag) if tag in names else None  # a tag that is not among the rows: the whole column
    figure = figures.taggram(
        shares, names, middles_s=heard.tags.seconds, window_s=heard.model.config.window_seconds,
        window=window, row=row, x_title=t("time"),
    )  # fmt: skip
    listed = ", ".join(f"{name} {_percent(one)} %" for name, one in zip(names[:3], shares.mean(axis=0)))
    return w.plot(figure, t("taggram_summary", listed=listed, windows=len(shares), tag=tag,
                            second=f"{heard.tags.seconds[window]:.1f}"))  # fmt: skip


def verdict_text(t: Strings, heard: Heard) -> str:
    """The genre, that none stands out, or that it is no music."""
    from core.tags.sample import NOT_MUSIC, SURE, UNSURE

    found = heard.genre
    best = int(found.mean.argmax())
    key = {NOT_MUSIC: "verdict_not", UNSURE: "verdict_unsure"}.get(found.verdict, "verdict_genre")
    return t(key, genre=t(f"name_{found.names[best].replace(' ', '_')}"), share=_percent(found.mean[best]),
             music=_percent(found.music), other=_percent(1 - found.music), sure=_percent(SURE),
             tags=_listed(heard))  # fmt: skip


def _listed(heard: Heard, count: int = 3) -> str:
    return ", ".join(name for name, _ in heard.tags.top(count))


def draw_bars(t: Strings, names: list[str], shares: np.ndarray, rows: Any) -> dict[str, Any]:
    from core.tags.sample import SURE

    mean = shares.mean(axis=0)
    figure = figures.means(mean, names, sure=SURE if rows == ROWS[1] else None, x_title=t("probability"))
    return w.plot(figure, t("bars_summary", first=names[0], share=_percent(mean[0]), second=names[1],
                            other=_percent(mean[1])))  # fmt: skip


def draw_evidence(t: Strings, heard: Heard, x: Tensor, found: Tensor, tag: str, start_s: float) -> dict[str, Any]:
    """The window as it is heard, and gradient times input of the tag."""
    import librosa

    from core.tags.data import log_mel

    config = heard.model.config
    hz = librosa.mel_frequencies(n_mels=config.bands + 2, fmin=0, fmax=config.sample_rate_hz / 2)[1:-1]
    frame_s = config.hop_samples / config.sample_rate_hz
    figure = figures.evidence(
        log_mel(x, config).numpy(), found.numpy(), hz, frame_s=frame_s, start_s=start_s,
        words={key: t(key, tag=tag) for key in ("time", "frequency", "heard", "speaks")},
    )  # fmt: skip
    raising = found.clamp(min=0)
    by_band = np.cumsum(raising.sum(dim=0).numpy()) / max(1e-9, float(raising.sum()))
    low, high = (hz[int(np.searchsorted(by_band, one))] for one in (0.25, 0.75))
    return w.plot(figure, t("evidence_summary", tag=tag, low=f"{low:.0f}", high=f"{high:.0f}",
                            begin=f"{start_s:.1f}", end=f"{start_s + len(found) * frame_s:.1f}"))  # fmt: skip


def again_text(t: Strings, tag: str, said: dict[str, float]) -> str:
    rows = [f"| {t('head_given')} | {tag} |", "|---|---|"]
    return "\n".join(rows + [f"| {t(f'given_{key}')} | {_percent(share)} % |" for key, share in said.items()])


def measured() -> dict[str, Any]:
    """What `core.tags.measure` wrote."""
    return table(TABLE)


def table_text(t: Strings) -> str:
    """Measured on recordings that neither the network nor its last output learned from."""
    found = measured()
    counts, lines = found["counts"], [f"| {t('head_what')} | {t('head_sounds')} | {t('head_right')} |", "|---|---|---|"]
    for kind, share in found["told_apart"].items():
        if kind != "balanced":
            lines.append(f"| {t(f'told_{kind}')} | {counts[kind]} | {share:.0f} % |")
    for name, share in found["named"].items():
        key, kind = next(words for begin, words in NAMED.items() if name.startswith(begin))
        lines.append(f"| {t(f'named_{key}')} | {counts[kind]} | {share:.0f} % |")
    return "\n".join(lines)


def answer(t: Strings, x: Tensor) -> Answer:
    """The genre and the first tags, for the picture of the field."""
    from core.tags.sample import NOT_MUSIC, UNSURE

    heard = _heard(_models.load(WEIGHTS), x)
    found = heard.genre
    name = t(f"genre.name_{found.names[int(found.mean.argmax())].replace(' ', '_')}")
    key = {NOT_MUSIC: "genre_no", UNSURE: "genre_unsure"}.get(found.verdict, "genre_says")
    text = t(key, genre=name, tags=_listed(heard), other=_percent(1 - found.music))
    return Answer(text, found.music, found.verdict != NOT_MUSIC)


def quality() -> dict[str, str]:
    """How often music is told from all else, and piano music called classical."""
    found = measured()
    shares = {"told": found["told_apart"]["balanced"], "piano": found["named"]["piano called classical"]}
    return {key: f"{share:.0f}" for key, share in shares.items()}


TASK = Task(answer, quality)
