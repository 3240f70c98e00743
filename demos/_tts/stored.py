"""What the cells show at first sight: the first sentence as the shipped voices say it, in both languages.

    python -m demos._tts.stored          # writes assets/site/tts/first.json.xz anew
"""

from __future__ import annotations

from demos import _stored
from demos._stored import at_sight, first, unless_stored
from demos._tab import LANGUAGES, ROOT, strings

__all__ = ["at_sight", "first", "unless_stored"]


def main() -> None:
    from demos._tts import parametric, sentence, together, units

    voice, *rest = parametric.USUAL_VOICE
    together.speak(strings("tts", "en").cell("together"), *together.USUAL)  # else its times are those of loading
    for language in LANGUAGES:
        t = strings("tts", language)
        cells = {
            "together": together.speak(t.cell("together"), *together.USUAL),
            "units": units.speak(t.cell("units"), *units.USUAL)[1:],
            "parametric": parametric.speak(t.cell("parametric"), *parametric.USUAL)[1:],
            "vocoder": parametric.resynthesise(t.cell("vocoder"), str(ROOT / "assets/audio" / voice), *rest),
        }
        _stored.write(t, cells, sentence.FIRST)


if __name__ == "__main__":
    main()
