"""English text as it is spoken: numbers, abbreviations, signs become words; each keeps its place in the text.

Known limits: whether U.S. or an initial ends a sentence is told by the word after it (The, He, Then begin sentences),
so a sentence that begins with a name after "in the U.S." has no break before it; abbreviations outside the table are
read as words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.errors import TextError
from core.text.characters import Clean, Span, clean, script
from core.text.numbers_en import cardinal, ordinal
from core.text.rules_en import RULES, Rule, stop

_SIGNS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "%": "percent", "#": "hash", "*": "",
    "^": "to the power", "<": "less than", ">": "greater than", "~": "about", "×": "times", "÷": "divided by",
    "±": "plus or minus", "≈": "is about", "≤": "is at most", "≥": "is at least", "≠": "is not", "→": "to",
    "√": "root", "∞": "infinity", "°": "degrees", "²": "squared", "³": "cubed", "$": "dollars", "€": "euros",
    "£": "pounds", "¥": "yen", "₩": "won", "¢": "cents", "§": "section", "−": "minus", "|": "", "\\": "backslash",
    "/": "slash",
}  # fmt: skip
SAID = "".join(_SIGNS) + "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞" + "`\"'()[]{}_–—-"

_GREEK = dict(zip(
    "αβγδεζηθικλμνξοπρσςτυφχψω",
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau "
    "upsilon phi chi psi omega".split(),
))  # fmt: skip

# With a full stop. A title belongs to the name after it, so its stop never ends a sentence.
_TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "ms", "messrs": "messrs", "prof": "professor", "rev": "reverend",
    "gen": "general", "col": "colonel", "capt": "captain", "lt": "lieutenant", "sgt": "sergeant",
    "gov": "governor", "sen": "senator", "rep": "representative", "pres": "president", "hon": "honorable",
    "mt": "mount", "ft": "fort",
}  # fmt: skip
_ABBREVIATIONS = {
    "etc": "et cetera", "e.g": "for example", "i.e": "that is", "vs": "versus", "approx": "approximately",
    "jr": "junior", "sr": "senior", "inc": "incorporated", "ltd": "limited", "co": "company",
    "corp": "corporation", "ave": "avenue", "blvd": "boulevard", "rd": "road", "dept": "department",
    "est": "established", "cf": "compare", "al": "al", "ph.d": ".p .h .d", "m.sc": ".m .s .c", "b.sc": ".b .s .c",
    "a.m": ".a .m", "p.m": ".p .m", "apt": "apartment", "incl": "including", "excl": "excluding", "max": "maximum",
    "min": "minimum", "avg": "average", "temp": "temperature", "tel": "telephone", "ext": "extension",
    "misc": "miscellaneous", "assoc": "association", "intl": "international", "univ": "university", "bldg": "building",
    "hwy": "highway", "pkwy": "parkway", "ln": "lane", "govt": "government", "mgr": "manager", "asst": "assistant",
    "attn": "attention", "ref": "reference", "orig": "originally", "esp": "especially", "abbr": "abbreviated",
    "qty": "quantity", "wt": "weight", "ft": "feet", "hrs": "hours", "mins": "minutes", "yrs": "years",
    "sat": "saturday", "sun": "sunday",
    "jan": "january", "feb": "february", "apr": "april", "aug": "august", "sept": "september", "oct": "october",
    "nov": "november", "dec": "december", "mon": "monday", "tue": "tuesday", "tues": "tuesday", "wed": "wednesday",
    "thu": "thursday", "thurs": "thursday", "fri": "friday",
}  # fmt: skip
_DAYS_AND_MONTHS = frozenset("mon tue tues wed thu thurs fri sat sun jan feb apr aug sept oct nov dec".split())
_WORDS_TOO = frozenset("max min temp ref ft ext tel".split())
_GO_ON = frozenset("e.g i.e vs cf approx incl excl esp".split())
_DEGREES = frozenset("ph.d m.sc b.sc".split())
_BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "fig": "figure", "figs": "figures", "vol": "volume", "ch": "chapter",
    "apt": "apartment", "rm": "room", "bldg": "building", "ext": "extension", "ex": "example", "art": "article",
    "ver": "version", "ed": "edition", "para": "paragraph", "p": "page", "pp": "pages", "eq": "equation",
    "sec": "section",
}  # fmt: skip
# Without one: said otherwise than they look.
_AS_WRITTEN = {
    "PhD": ".p .h .d", "USA": ".u .s .a", "US": ".u .s", "OK": "okay", "vs": "versus",
    "JPEG": "jay peg", "VQVAE": ".v .q .v .a .e", "AI": ".a .i", "MP": ".m .p", "ID": ".i .d", "AM": ".a .m",
    "PM": ".p .m", "tsp": "teaspoon", "tbsp": "tablespoon", "incl": "including", "approx": "approximately",
    "DJ": ".d .j", "aka": ".a .k .a",
}  # fmt: skip

_REGNAL = frozenset(
    "henry louis george elizabeth charles edward james richard william philip pius paul john mary catherine peter "
    "alexander nicholas frederick napoleon ivan leo benedict francis gustav christian ferdinand otto".split()
)
_NUMBERED = frozenset(
    "chapter part act scene volume war book type phase title section bowl fantasy episode figure class rocky "
    "apollo stage level".split()
)
_ROMAN = re.compile(r"(?=[IVX])(X{0,3})(IX|IV|V?I{0,3})")

_LETTERS = r"[^\W\d_½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞²³]+"  # \w has fractions and superscripts too
_WORD = re.compile(rf"{_LETTERS}(?:'{_LETTERS})*")
_DOTTED = re.compile(r"((?:[A-Za-z]\.){2,}|[A-Za-z](?:\.[A-Za-z])+\b)('s\b)?")
_ABBREVIATION = re.compile(r"([A-Za-z]+(?:\.[A-Za-z]{1,2})*)\.")
_NEW_SENTENCE = re.compile(r"[\"')\]]*\s*($|[\"'(]*[A-Z])")
# Words that begin sentences; a name hardly ever. They tell "in the U.S. The president" from "the U.S. Army".
_STARTERS = (
    r"[\"')\]]*\s+[\"'(]*(?:The|This|That|These|Those|There|Then|They|Their|He|She|It|Its|We|Our|You|Your|His|Her|My|But|And"
    r"|So|Or|If|In|On|At|As|After|Before|When|While|Where|What|Who|Why|How|Is|Are|Was|Were|Do|Does|Did|Can|Will|Not|No"
    r"|Yes|For|From|To|By|With|However|Now|Some|Many|Most|All|Both|Each|One|Please|Let|I(?!\.)|A(?!\.)|An)\b"
)
_LETTERED = frozenset("Vitamin Plan Class Grade Type Group Team Section Option Exhibit Gate Block Row".split())
_GOES_ON = re.compile(r"[\"')\]]*(?:\s+[\"'(]*[A-Za-z]|\s*[-,;:])")
_BREAKS = ",-:;.!?"  # a later one is stronger


@dataclass(frozen=True)
class Spoken:
    """One word to say. text: in the case it was written in. letter: it is the name of a letter.

    span: characters of the original.  break_after: "" or the punctuation that follows.
    """

    text: str
    span: Span
    letter: bool = False
    break_after: str = ""


def _ends_sentence(m: re.Match[str]) -> str:
    return " ." if _NEW_SENTENCE.match(m.string, m.end()) else ""


def _abbreviation(m: re.Match[str], before: str) -> str | None:
    name, after = m[1].lower(), m.string[m.end() :]
    if name in ("dr", "st"):  # Dr. Who, St. Paul; Elm St.
        if re.match(r"\s*[A-Z]", after) and not (before[:1].isupper() and re.match(r"\s*$", after)):
            return "doctor" if name == "dr" else "saint"
        return ("drive" if name == "dr" else "street") + _ends_sentence(m)
    if m[1] == "EST":
        return ".e .s .t" + _ends_sentence(m)
    if name in _BEFORE_NUMBER and re.match(r"\s?\d", after):
        return _BEFORE_NUMBER[name]
    if name in _TITLES and (re.match(r"\s*[A-Z]", after) or name in ("mr", "mrs", "ms", "prof")):
        return _TITLES[name]
    if name in _ABBREVIATIONS and (m[1][0].islower() or "." in name or len(name) > 2 or before[:1].isupper()):
        if not _plausible(m, name):
            return None
        if name in ("a.m", "p.m"):
            return _ABBREVIATIONS[name] + stop(m)
        ends = re.match(_STARTERS, after) or not after if name in _DEGREES else name not in _GO_ON
        return _ABBREVIATIONS[name] + (_ends_sentence(m) if ends else "")
    return None


def _plausible(m: re.Match[str], name: str) -> bool:
    """Days and months begin with a capital: "They wed." is no Wednesday. What is a word too ends no sentence."""
    after = m.string[m.end() :]
    if name in ("sat", "sun", "mon") and not re.match(r"\s*[,–-]|\s+(?:[A-Z0-9]|at\b)", after):
        return False
    if name in _WORDS_TOO and not re.match(r"\s+[a-z\d]", after):
        return False
    return m[1][0].isupper() or name not in _DAYS_AND_MONTHS


def _dotted(m: re.Match[str], before: str) -> str | None:
    letters = m[1].replace(".", "")
    said = " ".join("." + c.lower() for c in letters)
    if m[2]:  # the U.K.'s
        return said[:-2] + said[-1] + "'s"
    ends = m[0].endswith(".") and (re.match(_STARTERS, m.string[m.end() :]) or not _GOES_ON.match(m.string[m.end() :]))
    return said + (_ends_sentence(m) if ends else "")


def _initial(m: re.Match[str], before: str) -> str:
    """J. Smith; but "plan B. Then we left" is two sentences."""
    ends = (before.islower() or before in _LETTERED) and re.match(_STARTERS, m.string[m.end() :])
    return "." + m[1].lower() + (" ." if ends else "")


def roman(text: str) -> int | None:
    """The value of a roman number up to XXXIX, or None: roman("VIII") -> 8."""
    m = _ROMAN.fullmatch(text)
    if not m:
        return None
    ones = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX").index(m[2])
    return 10 * len(m[1]) + ones or None


def _roman(word: str, before: str) -> str | None:
    value = roman(word)
    if value is None:
        return None
    if before.lower() in _REGNAL and before[:1].isupper() and word != "X":
        return f"the {ordinal(value)}"
    return cardinal(value) if before.lower() in _NUMBERED or (len(word) > 1 and word not in ("XX", "IV")) else None


def _word(m: re.Match[str], before: str) -> str:
    word = m[0]
    if word in _AS_WRITTEN and not _shouted(m.string):
        return _AS_WRITTEN[word]
    if len(word) == 1 and word.lower() in _GREEK:
        return _GREEK[word.lower()]
    said = _roman(word, before) if word.isupper() else None
    if said:
        return said
    joined = m.start() > 0 and m.string[m.start() - 1] in "-."  # B-A; not "left. A dog", not one-of-a-kind
    joined = joined and not (word == "a" and m.string[m.end() : m.end() + 1] == "-")
    lettered = word == "A" and before.capitalize() in _LETTERED  # Type A personality
    if len(word) == 1 and (word not in "aAIO" or joined or lettered or _between_letters(m)):
        return "." + word
    if len(word) == 2 and word.isupper() and not _shouted(m.string) and re.match(r"-?\d", m.string[m.end() :]):
        return " ".join("." + c.lower() for c in word)  # BA2490
    return word


_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|Mon|Tues?|Wed|Thu(?:rs)?|Fri|Sat|Sun"


_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_CLIPPED = {"gov": "government", "int": "international", "nat": "national", "dep": "department"}


def _through(m: re.Match[str], before: str) -> str:
    """Mon.-Fri."""
    first, last = (next(d for d in _DAYS if d.startswith(name[:3].lower())) for name in m.groups())
    return f"{first} to {last}"


def _between_letters(m: re.Match[str]) -> bool:
    """The A of "vitamin A.", "A/B" or "A and B", the a of "a^2": not an article, so its name is said."""
    after = m.string[m.end() :]
    if m[0] == "a" and re.match(r"\s?[\^²³=+]", after):
        return True  # a² + b²
    if m[0] == "A" and re.match(r"\s+(?:vs\.?|versus|and|or|to)\s+[A-Z]\b(?!')", after):
        return True
    return m[0] == "A" and not re.match(r"\s+[\"'$€£]?[^\W_]", after)


def _shouted(text: str) -> bool:
    """A text in capitals only, where capitals do not mark an acronym."""
    return text.isupper() and len(re.findall(r"[A-Z]{2,}", text)) > 1


WORD_RULES: tuple[Rule, ...] = (
    (re.compile(rf"({_DAY})\.?\s?[–-]\s?({_DAY})\b\.?"), _through),
    (re.compile(r"(gov|int|nat|dep)'[tl]\b"), lambda m, before: _CLIPPED[m[1]]),
    (_ABBREVIATION, _abbreviation),
    (_DOTTED, _dotted),
    (re.compile(r"([A-HJ-Z])\.(?=\s*[A-Z])"), _initial),
    (re.compile(r"#(?=[A-Za-z])"), lambda m, before: "hashtag"),
    (re.compile(r"'n'"), lambda m, before: "and"),
    (re.compile(r"(?<=[\d ])\*(?=\s?\d)"), lambda m, before: "times"),
    (re.compile(r"(?<=\w)\.(?=[a-z])"), lambda m, before: "dot"),
    (re.compile(r"(?<=\w)[–-](?=[$€£]\d)"), lambda m, before: "to"),
    (re.compile(r"w/o\b"), lambda m, before: "without"),
    (re.compile(r"w/(?=\s?\w)"), lambda m, before: "with"),
    (re.compile(r"b/c\b"), lambda m, before: "because"),
    (re.compile(r"(?<=[A-Z])#(?!\w)"), lambda m, before: "sharp"),
    (_WORD, _word),
)
_PUNCTUATION: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"[.,;:?!]+"), lambda run: max(run, key=_BREAKS.index)),
    (re.compile(r"\s+[-–]+(?=\s)|\s*(?:—|--)+"), lambda run: "-"),
    (re.compile(r"[()\[\]{}]|\s*\n\s*"), lambda run: ","),
)


class _Reader:
    """Goes through the text from left to right; at each place the first rule that applies speaks."""

    def __init__(self, source: Clean) -> None:
        self.source = source
        self.out: list[Spoken] = []
        self.before = ""

    def pause(self, mark: str) -> None:
        """Mark the last word; the stronger of two marks stays."""
        if self.out and _BREAKS.find(mark) > _BREAKS.find(self.out[-1].break_after or " "):
            self.out[-1] = replace(self.out[-1], break_after=mark)

    def say(self, words: str, span: Span) -> None:
        for word in words.split():
            if word in _BREAKS:
                self.pause(word)
            elif word[0] == "." and len(word) == 2:
                self.out.append(Spoken(word[1], span, letter=True))
            else:
                self.out.append(Spoken(word, span))

    def step(self, at: int) -> int:
        """Read what begins at `at`; returns where the next begins."""
        text = self.source.text
        fresh = at == 0 or not (text[at - 1].isalnum() and text[at].isalpha() and text[at - 1].isalpha())
        for pattern, speak in (*RULES, *WORD_RULES) if fresh else WORD_RULES:
            m = pattern.match(text, at)
            if m and m.end() > at and (words := speak(m, self.before)) is not None:
                self.say(words, self.source.span(at, m.end()))
                self.before = m[0]
                return m.end()
        for pattern, mark in _PUNCTUATION:
            m = pattern.match(text, at)
            if m:
                self.pause(mark(m[0].strip() or ","))
                self.before = m[0].strip()
                return m.end()
        if text[at] in _SIGNS:
            self.say(_SIGNS[text[at]], self.source.span(at, at + 1))
            self.before = text[at]
        return at + 1


def _refuse_other_scripts(source: Clean, original: str) -> None:
    """The first word in a script that English does not use is named in the error."""
    for m in _WORD.finditer(source.text):
        used = {script(c) for c in m[0]} - {"", "Latin"}
        if not used or (used == {"Greek"} and len(m[0]) == 1):
            continue
        first, last = source.span(m.start(), m.end())
        word = original[first:last]
        if "Hangul" in used:
            raise TextError(
                f"“{word}” is Korean, and this voice speaks English: type English. "
                "So far only the front end reads Korean."
            )
        name = sorted(used)[0]
        if name == "other":
            raise TextError(f"“{word}” is not in Latin letters, which this voice needs: write it as it sounds.")
        raise TextError(f"“{word}” is in {name} letters, and this voice reads English: write it in Latin letters.")


def normalise(text: str) -> tuple[list[Spoken], tuple[tuple[str, Span], ...]]:
    """The words to say, in order, and the signs that were dropped (emoji and the like) with their spans.

    Args:
        text: English, at most 600 characters.
    Raises:
        TextError: empty, too long, only punctuation or emoji, a word in another script.
    """
    source = clean(text, said=SAID)
    _refuse_other_scripts(source, text)
    reader, at = _Reader(source), 0
    while at < len(source.text):
        at = reader.step(at)
    if not reader.out:
        raise TextError(f"There is nothing to say in “{text.strip()}”: it has no word and no number. Type a word.")
    return reader.out, source.dropped
