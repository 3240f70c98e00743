"""A taste of what the other tabs make, stored, and the way there.

    python -m demos._map.tastes        # writes assets/audio/map/taste-*.ogg anew, from the shipped weights
"""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from core.separation import excerpts
from demos import _player
from demos import _widgets as w
from demos._map import sound
from demos._tab import Strings, strings

TEXT = "The task we set ourselves was threefold."
SPOKEN = ("units", "parametric", "tacotron2")
TASTES: dict[str, dict[str, str]] = {  # taste -> label of a track -> where it is
    "speech": {key: f"/site/audio/map/taste-{key}.ogg" for key in SPOKEN},
    "wave": {"wavenet": "/site/audio/wavenet/speech_t090.flac", "melnet": "/site/audio/melnet/speech-1-wavenet.ogg"},
    "music": {
        "chopin": "/site/musenet/chopin-from-rondo-alla-turca.ogg",
        "joplin": "/site/musenet/joplin-from-bach-prelude.ogg",
        "game": "/site/musenet/game-band-from-four-chords.ogg",
    },
    "parts": {
        name: f"/site/audio/separation/stored/verse-4stems-{name}.ogg" for name in ("vocals", "drums", "bass", "other")
    },
}  # fmt: skip
TABS = {
    "speech": ("tts", "tacotron2"), "wave": ("wavenet", "melnet", "vqvae"), "music": ("musenet", "transformer"),
    "parts": ("separation",),
}  # fmt: skip


def build(t: Strings, source: sound.Source) -> None:
    """The cell `tastes`."""
    with w.cell(t, "tastes") as t:
        w.prose(t)
        for taste, tracks in TASTES.items():
            gr.HTML(
                f'<h3>{html.escape(t(taste))}</h3><p>{html.escape(t(f"{taste}_line", **_values(taste)))}</p>',
                apply_default_css=False, elem_classes=["prose-cell"],
            )  # fmt: skip
            w.player(t, taste, value=[_player.linked(t(key), url) for key, url in tracks.items()])
            links = "".join(_link(t, slug) for slug in TABS[taste])
            gr.HTML(f'<p class="ways">{links}</p>', apply_default_css=False)


def _values(taste: str) -> dict[str, str]:
    """What the sentence about a taste quotes."""
    return {"speech": {"text": TEXT}, "parts": {"seconds": f"{excerpts.index()['verse'].seconds:g}"}}.get(taste, {})


def _link(t: Strings, slug: str) -> str:
    name = strings(slug, t.language).heading("top")
    return f'<a href="?tab={slug}" data-tab="{slug}">{html.escape(t("go", name=name))}</a> '


def said() -> dict[str, Any]:
    """The sentence said in three ways: float32 [T] at 16 kHz each."""
    from core import audio, weights
    from core.parametric.sample import synthesize as parametric
    from core.tacotron2.sample import synthesize as tacotron
    from core.unit_selection.sample import synthesize as select

    found = {
        "units": select(TEXT, speaker=weights.load("unit-selection")), "parametric": parametric(TEXT),
        "tacotron2": tacotron(TEXT),
    }  # fmt: skip
    return {key: audio.level_to(one.audio) for key, one in found.items()}


def main() -> None:
    import soundfile

    for key, x in said().items():
        path = sound.FOLDER / f"taste-{key}.ogg"
        soundfile.write(str(path), x.numpy(), 16_000, format="OGG", subtype="OPUS", compression_level=0.88)
        print(f"{path.name}: {len(x) / 16_000:.1f} s, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
