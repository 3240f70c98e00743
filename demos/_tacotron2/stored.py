"""What the cells of the Tacotron 2 tab show at first sight.

    python -m demos._tacotron2.stored          # writes assets/site/tacotron2/first.json.xz anew
"""

from __future__ import annotations

from demos import _stored
from demos._tab import LANGUAGES, strings


def main() -> None:
    from demos._tacotron2 import energies, failures, learned, sentence, speak, vocoders

    for language in LANGUAGES:
        t = strings("tacotron2", language)
        *_, (view, _, said) = speak.speak(t.cell("speak"), *speak.USUAL)
        cells = {
            "speak": [view | {"run": "stored"}, *speak.finish(t.cell("speak"), said, 0)],
            "energies": energies.explain(t.cell("energies"), said, *energies.USUAL),
            "learned": learned.show(t.cell("learned"), *learned.USUAL),
            "failures": failures.show(t.cell("failures"), *failures.USUAL),
            "vocoders": vocoders.show(t.cell("vocoders"), *vocoders.USUAL),
        }
        _stored.write(t, cells, sentence.FIRST)


if __name__ == "__main__":
    main()
