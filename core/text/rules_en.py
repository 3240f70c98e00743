"""What is written and how it is said, one rule for each kind: dates, times, money, units, addresses, numbers.

A rule is a pattern and a function. The function gets the match and the token before it, and returns the words, or
None when the rule does not apply. Among the words, ".p" is the name of the letter p, and "," a short pause.
Known limits: a bare "60s" is a decade after "the", "her" or "mid-" and else seconds (a 60s band is said wrongly); dates
are American; a sum before a noun is singular after "a" or before the nouns of `money_en`, else plural.
The kinds are those of Sproat et al. 2001, "Normalization of non-standard words", table 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from core.text.money_en import NO_NOUN, cents, money, money_range
from core.text.numbers_en import cardinal, digits, fraction, number, ordinal, plural, year

Rule = tuple[re.Pattern[str], Callable[[re.Match[str], str], "str | None"]]

_MONTHS = "january february march april may june july august september october november december".split()
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_MONTH = (
    r"(?P<month>January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\b\.?)"
)
_UNITS = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer", "μm": "micrometer",
    "mi": "mile", "ft": "foot", "yd": "yard", "kg": "kilogram", "g": "gram", "mg": "milligram", "lb": "pound",
    "lbs": "pound", "oz": "ounce", "L": "liter", "l": "liter", "ml": "milliliter", "mL": "milliliter",
    "s": "second", "ms": "millisecond", "μs": "microsecond", "ns": "nanosecond", "sec": "second", "secs": "second",
    "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "Hz": "hertz",
    "kHz": "kilo hertz", "MHz": "mega hertz", "GHz": "giga hertz", "dB": "decibel", "V": "volt", "W": "watt",
    "kW": "kilowatt", "kWh": "kilowatt hour", "mA": "milliamp", "Pa": "pascal", "hPa": "hecto pascal",
    "J": "joule", "kJ": "kilojoule", "kcal": "kilocalorie", "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte", "kbps": "kilobit per second", "Gbps": "gigabit per second",
    "tsp": "teaspoon", "tbsp": "tablespoon", "gal": "gallon", "cal": "calorie", "kN": "kilonewton", "mV": "millivolt",
    "kV": "kilovolt", "MW": "megawatt", "GW": "gigawatt", "mol": "mole",
    "Mbps": "megabit per second",
    "mph": "mile per hour", "km/h": "kilometer per hour", "kph": "kilometer per hour", "m/s": "meter per second",
    "rpm": "revolution per minute", "fps": "frame per second", "°C": "degree celsius", "°F": "degree fahrenheit",
    "°": "degree", "px": "pixel", "ha": "hectare", "m²": "square meter", "km²": "square kilometer",
    "m³": "cubic meter", "cm²": "square centimeter", "m/s²": "meter per second squared", "km/s": "kilometer per second",
}  # fmt: skip
# After a slash: $40/yr, 5 mg/day.
_PER = {
    "yr": "year", "yrs": "year", "mo": "month", "wk": "week", "d": "day", "hr": "hour", "h": "hour", "min": "minute",
    "sec": "second", "s": "second", "kg": "kilogram", "g": "gram", "lb": "pound", "oz": "ounce", "L": "liter",
    "l": "liter", "mL": "milliliter", "ml": "milliliter", "dL": "deciliter", "m²": "square meter", "m³": "cubic meter",
    "km": "kilometer", "m": "meter", "gal": "gallon", "ft": "foot", "px": "pixel", "pp": "person",
} | {  # fmt: skip
    word: word
    for word in "minute second hour day week month year night person user seat page mile kilo unit item".split()
}
_RATES = "km/h|m/s|kbps|Mbps|mph|kph|rpm|fps|m²|km²"
_SAME = {"hertz", "celsius", "fahrenheit", "per"}  # the noun stands before these, or has no plural
_VULGAR = dict(zip("½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞", "1/2 1/3 2/3 1/4 3/4 1/5 2/5 3/5 4/5 1/6 5/6 1/8 3/8 5/8 7/8".split()))
_YEAR_CUES = frozenset(
    "in since until till year before after around circa early late mid spring summer autumn fall winter".split()
) | set(_MONTHS)


def _one(value: str) -> bool:
    return value in ("1", "1.0")


def _month(name: str) -> str:
    return next(m for m in _MONTHS if m.startswith(name.rstrip(".").lower()[:3]))


def _full_year(text: str) -> str:
    if len(text) == 4:
        return year(int(text))
    return ("oh " if text[0] == "0" else "") + cardinal(int(text))


def _iso_date(m: re.Match[str], before: str) -> str | None:
    month, day = int(m[2]), int(m[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{_MONTHS[month - 1]} {ordinal(day)} {year(int(m[1]))}"


def _slash_date(m: re.Match[str], before: str) -> str | None:
    """3/4/2021 is March fourth, as Americans write it; 25/12/2021 can only be the other way about."""
    month, day = int(m[1]), int(m[2])
    if month > 12:
        month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{_MONTHS[month - 1]} {ordinal(day)} {_full_year(m[3])}"


def _month_day(m: re.Match[str], before: str) -> str | None:
    if not 1 <= int(m["day"]) <= 31:
        return None
    day, month = ordinal(int(m["day"])), _month(m["month"])
    said = f"{day} of {month}" if m.re is DAY_MONTH else f"{month} {day}"
    if m.re is DAY_MONTH and before.lower() != "the":
        said = "the " + said
    return said + (f" , {_full_year(m['year'])}" if m["year"] else "")


def _month_days(m: re.Match[str], before: str) -> str | None:
    """Jan. 5-7, 2024."""
    first, last = int(m["day"]), int(m["last"])
    if not 1 <= first < last <= 31:
        return None
    said = f"{_month(m['month'])} {ordinal(first)} to {ordinal(last)}"
    return said + (f" , {_full_year(m['year'])}" if m["year"] else "")


def _month_year(m: re.Match[str], before: str) -> str:
    return f"{_month(m['month'])} {year(int(m['year']))}"


def _half_day(letters: str) -> str:
    return f".{letters[0].lower()} .m"


def _clock(m: re.Match[str], before: str) -> str | None:
    hour, minute = int(m[1]), int(m[2])
    if hour > 24:
        return None
    said = cardinal(hour)
    if minute:
        said += f" {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif not m[4]:
        said += " o'clock" if 1 <= hour <= 12 else " hundred" if hour else " hundred hours"
    if m[3]:
        said += f" and {cardinal(int(m[3]))} second{'' if int(m[3]) == 1 else 's'}"
    return said + (" " + _half_day(m[4]) if m[4] else "") + stop(m)


def _hours(m: re.Match[str], before: str) -> str | None:
    """9-11am, 9:30-11 am."""
    if not (1 <= int(m[1]) <= 12 and 1 <= int(m[3]) <= 12):
        return None

    def said(hour: str, minute: str | None) -> str:
        part = int(minute or 0)
        return cardinal(int(hour)) + (f" {'oh ' if part < 10 else ''}{cardinal(part)}" if part else "")

    return f"{said(m[1], m[2])} to {said(m[3], m[4])} {_half_day(m[5])}{stop(m)}"


def _to(m: re.Match[str], before: str) -> str:
    return "to"


def _hour(m: re.Match[str], before: str) -> str | None:
    return f"{cardinal(int(m[1]))} {_half_day(m[2])}{stop(m)}" if 1 <= int(m[1]) <= 12 else None


_OPENS = re.compile(r"(?:^|[.!?]\s+)(?:At|By|Around|Before|After|Until|Since|From)\s$")  # At 6 p.m. John left.
_AFTER_HOUR = re.compile(
    r"\s*\(?(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:Mon|Tues?|Wed|Thu(?:rs)?|Fri|Sat|Sun)\b|"
    + _MONTH.replace("?P<month>", "?:")
    + r"|(?:[ECMP][SD]?T|GMT|UTC|BST|CES?T|[JK]ST|Eastern|Central|Mountain|Pacific)\b)"
)


def stop(m: re.Match[str]) -> str:
    """The full stop of a.m. that also ends the sentence: no day, month or time zone follows, no "At" came first."""
    rest = m.string[m.end() :]
    ends = m[0].endswith(".") and re.match(r"[\"')\]]*\s*($|[\"'(]*[A-Z])", rest)
    opens = _OPENS.search(m.string[: m.start()]) and rest.strip()
    return " ." if ends and not opens and not _AFTER_HOUR.match(rest) else ""


def _percent(m: re.Match[str], before: str) -> str:
    return f"{'minus ' if m[1] else ''}{number(m[2])} percent"


def unit(name: str, *, one: bool) -> str:
    """The spoken unit: unit("km/h", one=False) -> "kilometers per hour"."""
    words = _UNITS[name].split()
    if not one and words[-1] != "hertz":
        last = next((i - 1 for i, w in enumerate(words) if w in _SAME), len(words) - 1)
        words[last] = {"foot": "feet"}.get(words[last], words[last] + "s")
    return " ".join(words)


def _measure(m: re.Match[str], before: str) -> str:
    one = _one(m["value"]) and not m["minus"]
    noun = re.match(r" ([a-z]+)", m.string[m.end() :])
    if m["hyphen"] or (before.lower() in ("a", "an") and noun and noun[1] not in NO_NOUN):  # a 5-km run
        one = True
    return f"{'minus ' if m['minus'] else ''}{number(m['value'])} {unit(m['unit'], one=one)}"


def _per(m: re.Match[str], before: str) -> str:
    return "per " + _PER[m["unit"]]


def _rate(m: re.Match[str], before: str) -> str:
    """A speed without a number: "in km/h"."""
    return unit(m["unit"], one=False)


def _measures(m: re.Match[str], before: str) -> str:
    return f"{number(m['first'])} to {number(m['value'])} {unit(m['unit'], one=m['hyphen'] is not None)}"


def _inches(m: re.Match[str], before: str) -> str:
    return f"{number(m[1])} inch{'' if _one(m[1]) else 'es'}"


def _feet_and_inches(m: re.Match[str], before: str) -> str:
    return f"{number(m[1])} {'foot' if _one(m[1]) else 'feet'} {number(m[2])} inch{'' if _one(m[2]) else 'es'}"


def _many(m: re.Match[str], before: str) -> str:
    """100s of users."""
    return {"10": "tens", "100": "hundreds", "1000": "thousands"}[m[1].replace(",", "")]


def _feet_inches(m: re.Match[str], before: str) -> str:
    return f"{cardinal(int(m[1]))} foot {cardinal(int(m[2]))}"


def _phone(m: re.Match[str], before: str) -> str:
    groups = re.findall(r"\d+", m[0])
    return ("plus " if m[0].startswith("+") else "") + " , ".join(digits(g) for g in groups)


def _address(m: re.Match[str], before: str) -> str:
    """E-mail and web addresses: punctuation by name, "www" letter by letter; http:// is not said."""
    text = re.sub(r"^https?://", "", m[0], flags=re.IGNORECASE).rstrip("/")
    names = {".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", ":": "colon",
             "?": "question mark",
             "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus", "~": "tilde"}  # fmt: skip
    said = []
    for part in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", text):
        if part.isdigit():
            said.append(digits(part) if len(part) != 4 else year(int(part)))
        elif part.lower() == "www" or (part.isalpha() and len(part) <= 2 and part.lower() not in _SHORT_WORDS):
            said += ["." + letter for letter in part.lower()]
        else:
            said.append(names.get(part, part if part.isalpha() else ""))
    return " ".join(filter(None, said))


_SHORT_WORDS = frozenset("an as at be by do go he if in is it me my no of on or so to up us we".split())


def _ordinal(m: re.Match[str], before: str) -> str:
    return ordinal(int(m[1].replace(",", "")))


def _ordinals(m: re.Match[str], before: str) -> str:
    """18th-19th."""
    return f"{ordinal(int(m[1]))} to {ordinal(int(m[2]))}"


def _decade(m: re.Match[str], before: str) -> str | None:
    """1990s, '80s, in her 20s; but a 10s timeout is of ten seconds."""
    value = int(m[1])
    if value < 100 and "'" not in m[0] and before.lower() not in _AGES:
        return None
    return plural(year(value) if value >= 1000 else cardinal(value)) if value % 10 == 0 else None


_AGES = frozenset("the my your his her our their in early mid late - low high upper lower roaring".split())


def _models(m: re.Match[str], before: str) -> str | None:
    """More than one MP3, F-16 or 747: no seconds. A round number alone (100s) is left to the rule for seconds."""
    value = int(m[1])
    if not m.re.pattern.startswith("(?<="):
        if value % 5 == 0:
            return None
        return f"{cardinal(value // 100)} {'oh ' if value % 100 < 10 else ''}{plural(cardinal(value % 100))}"
    return plural(cardinal(value))


def _year(m: re.Match[str], before: str) -> str | None:
    """Four digits are a year from 1100 to 2099, unless a plural noun follows and nothing before tells of time."""
    value = int(m[0])
    if not (1100 <= value <= 2099 or before.lower() in ("in", "since", "year") and 1000 <= value < 1100):
        return None
    after = re.match(r"\s+([a-z]+)", m.string[m.end():])  # fmt: skip
    counted = after and after[1].endswith("s") and after[1] not in ("is", "was", "has", "as", "this", "does")
    return None if counted and before.lower() not in _YEAR_CUES else year(value)


def _mixed(m: re.Match[str], before: str) -> str | None:
    """1 1/2, 3/4, 1½, ½."""
    parts = (_VULGAR[m["vulgar"]] if m["vulgar"] else m["fraction"]).split("/")
    if m[0] in ("24/7", "9/11") or (parts[0] == parts[1] and not m["whole"]):  # a 50/50 chance
        return " ".join(cardinal(int(p)) for p in parts)
    said = fraction(int(parts[0]), int(parts[1]))
    if said is None:
        said = f"{cardinal(int(parts[0]))} over {cardinal(int(parts[1]))}"
    if not m["whole"]:
        return said
    return f"{number(m['whole'].strip(' -'))} and {said.replace('one ', 'a ', 1)}"


def _range(m: re.Match[str], before: str) -> str:
    def each(text: str) -> str:
        return year(int(text)) if re.fullmatch(r"1[1-9]\d\d|20\d\d", text) else number(text)

    minus = " - " in m[0] and "=" in m.string[m.end() :]
    return f"{each(m[1])} {'minus' if minus else 'to'} {each(m[2])}"


def _ratio(m: re.Match[str], before: str) -> str:
    return f"{cardinal(int(m[1]))} to {cardinal(int(m[2]))}"


def _version(m: re.Match[str], before: str) -> str:
    return " point ".join(cardinal(int(p)) if len(p) < 4 else digits(p) for p in m[0].split("."))


def _number(m: re.Match[str], before: str) -> str:
    if before.lower() in ("call", "dial", "called", "dialed", "calling") and re.fullmatch(r"\d{3}", m[0]):
        return digits(m[0])  # 911
    return f"{'minus ' if m[1] else ''}{number(m[2])}"


def _possessive(m: re.Match[str], before: str) -> str:
    """COVID-19's."""
    return number(m[1]) + "'s"


def _numbered(m: re.Match[str], before: str) -> str:
    return "number"


MONTH_DAYS = re.compile(
    _MONTH + r"\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?\s?[–-]\s?(?P<last>\d{1,2})(?:st|nd|rd|th)?\b(?![-.]?\d)"
    r"(?:,?\s+(?P<year>[12]\d{3})\b)?"
)
MONTH_DAY = re.compile(_MONTH + r"\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?\b(?!\.?\d)(?:,?\s+(?P<year>[12]\d{3})\b)?")
DAY_MONTH = re.compile(
    r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?" + _MONTH + r"(?:,?\s+(?P<year>[12]\d{3})\b)?"
)
_NAMES = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_HALF = r"([ap]\.\s?m\.|[ap]m\b|[AP]\.M\.|[AP]M\b)"

RULES: tuple[Rule, ...] = tuple((re.compile(p) if isinstance(p, str) else p, f) for p, f in (
    (r"https?://[^\s<>\"]*[\w/]|www\.[\w.-]+\.\w[^\s<>\",]*[\w/]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _address),
    (r"(?:[A-Za-z][\w-]*\.)+(?:com|org|net|edu|gov|io|co\.uk|co\.kr|ai|dev)\b(?:/[\w/.-]*\w)?", _address),
    (r"([12]\d{3})-(\d{2})-(\d{2})\b", _iso_date),
    (r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})\b", _slash_date),
    (MONTH_DAYS, _month_days),
    (r"(\d{1,3})(?:st|nd|rd|th)\s?[–-]\s?(\d{1,3})(?:st|nd|rd|th)\b", _ordinals),
    (MONTH_DAY, _month_day),
    (DAY_MONTH, _month_day),
    (_MONTH + r"\s+(?P<year>[12]\d{3})\b", _month_year),
    (r"(\d{1,2})(?::([0-5]\d))?\s?[–-]\s?(\d{1,2})(?::([0-5]\d))?\s?" + _HALF, _hours),
    (r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?!\d)(?:\s?" + _HALF + ")?", _clock),
    (r"(\d+):(\d+)\b(?!:)", _ratio),
    (r"(\d{1,2})\s?" + _HALF, _hour),
    (r"(?:(?<=[ap]m)|(?<=[AP]M)|(?<=[ap]\.m\.)|(?<=[%°¢])|(?<=\d°[CF])|(?<=:\d\d))\s?[–-]\s?(?=[$€£]?\d)", _to),
    (rf"(?P<sign>(?:US|A|C)?\$|[€£¥₩])(?P<first>{_NUMBER})\s?[–-]\s?(?P<value>{_NUMBER})(?![\d-])"
     r"(?P<scale>\s?(?:[kKmMbBtT]|[mbt]n)\b|\s(?:thousand|million|billion|trillion)\b)?", money_range),
    (rf"(?:(?<!\w)(?P<minus>-))?(?P<sign>(?:US|A|C)?\$|[€£¥₩])\s?(?P<value>{_NUMBER})"
     r"(?P<scale>\s?(?:[kKmMbBtT]|[mbt]n)\b|\s(?:thousand|million|billion|trillion)\b)?(?P<code>)", money),
    (rf"(?P<minus>-)?(?P<value>{_NUMBER})(?P<scale>\s(?:thousand|million|billion|trillion))?\s?"
     r"(?:(?P<code>USD|EUR|GBP|JPY|KRW)\b|(?P<sign>[€£₩¥$])(?!\d))", money),
    (rf"({_NUMBER})\s?¢", cents),
    (rf"(?:(?<![\w%])(-))?({_NUMBER})\s?%", _percent),
    (r"\+\d{1,3}(?:[ -]\(?\d{1,4}\)?){2,5}\b", _phone),
    (r"(?:1-)?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-.]\d{4}\b|\d{3}-\d{4}\b", _phone),
    (r"(\d)'\s?(\d{1,2})\"", _feet_inches),
    (r"(10|100|1,?000)s(?= of\b)", _many),
    (r"(?<=[A-Za-z])(\d{1,4})s\b", _models),
    (r"(?<=[A-Z]-)(\d{1,4})s\b", _models),
    (r"([1-9]\d\d)s\b", _models),
    (r"'?(\d{2}|\d{4})'?s\b", _decade),
    (rf"(?P<first>{_NUMBER})\s?[–-]\s?(?P<value>{_NUMBER})(?P<hyphen>-)?\s?(?P<unit>{_NAMES})(?![\w'°])"
     r"(?:\.(?=\s+[a-z]))?", _measures),
    (rf"({_NUMBER})\s?(?:ft|feet)\.?,?\s({_NUMBER})\s?in(?:\.|ch(?:es)?)?(?=\W|$)", _feet_and_inches),
    (rf"({_NUMBER})[ -]?in\.(?=\s|$)", _inches),
    (r"(?<=per )(?P<unit>yr|mo|wk|hr|min|sec)\b\.?", lambda m, before: _PER[m["unit"]] + stop(m)),
    (rf"(?:(?<![\w%])(?P<minus>-))?(?P<value>{_NUMBER})(?P<hyphen>-)?\s?(?P<unit>{_NAMES})(?![\w'°])"
     r"(?:\.(?=\s+[a-z]))?", _measure),
    (rf"(?<![\w/])(?P<unit>{_RATES})(?![\w'/])", _rate),
    (r"/\s?(?P<unit>" + "|".join(_PER) + r")(?![\w'])(?:\.(?=\s+[a-z]))?", _per),
    (r"(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", _ordinal),
    (r"(?P<whole>\d+[ -]?)?(?P<vulgar>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])(?P<fraction>)", _mixed),
    (r"(?P<whole>\d+[ -])?(?P<fraction>\d{1,3}/\d{1,3})\b(?![/\d])(?P<vulgar>)", _mixed),
    (rf"({_NUMBER})\s?[–-]\s?({_NUMBER})(?![\d-])", _range),
    (rf"({_NUMBER})'s\b", _possessive),
    (r"\d+(?:\.\d+){2,}\b", _version),
    (r"[12]\d{3}\b(?![.,]\d)", _year),
    (rf"(?:(?<![\w)])(-))?({_NUMBER})", _number),
    (r"\^2(?!\d)", lambda m, before: "squared"),
    (r"\^3(?!\d)", lambda m, before: "cubed"),
    (r"#(?=\d)|No\.\s?(?=\d)", _numbered),
))  # fmt: skip
