"""What a visitor reads when something fails, in the language of his page.

    translate(text, "ko")            # the text of a typed error, by lessons/_site/errors.toml
    plain(headers, text, 413)        # the whole answer to a request that fails outside of the pages' own events
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse

from demos._tab import LANGUAGES, LESSONS, SITE, read_toml


@functools.lru_cache(maxsize=1)
def _translations() -> list[tuple[re.Pattern[str], dict[str, str]]]:
    """Message patterns of `lessons/_site/errors.toml`: `{name}` stands for any text."""
    compiled = []
    for message in read_toml(LESSONS / SITE / "errors.toml").get("message", []):
        parts = re.split(r"\{(\w+)\}", message["en"])
        pattern = "".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
        compiled.append((re.compile(pattern, re.DOTALL), message))
    return compiled


def translate(text: str, language: str) -> str:
    """The text of a typed error in the page's language, with what it quotes; English where there is no translation."""
    for pattern, message in _translations():
        match = pattern.fullmatch(text)
        if match and language in message:
            return message[language].format(**{k: translate(v, language) for k, v in match.groupdict().items()})
    return text


def language_of(headers: Mapping[str, str]) -> str:
    """The language of the page that a request comes from, else the one that the browser prefers.

    headers: by their names in lower case.
    """
    if referer := headers.get("referer"):
        try:
            first = urlsplit(referer).path.strip("/").split("/")[0]
        except ValueError:  # no address
            first = ""
        return first if first in LANGUAGES else LANGUAGES[0]
    preferred = headers.get("accept-language", "")[:2].lower()
    return preferred if preferred in LANGUAGES else LANGUAGES[0]


def plain(
    headers: Mapping[str, str], text: str, status: int, more: Mapping[str, str] | None = None
) -> PlainTextResponse:
    """An answer of one sentence, in the language of whoever asked.

    headers: of the request, by their names in lower case.  more: headers of the answer.
    """
    return PlainTextResponse(translate(text, language_of(headers)), status, more)
