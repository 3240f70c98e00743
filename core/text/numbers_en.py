"""Numbers as English words, American: no "and" after the hundred, no hyphens. tests compare with num2words."""

from __future__ import annotations

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip

MAX_DIGITS = 3 * len(_SCALES)


def _below_thousand(n: int) -> list[str]:
    hundreds, rest = divmod(n, 100)
    words = [_SMALL[hundreds], "hundred"] if hundreds else []
    if rest >= 20:
        words.append(_TENS[rest // 10])
        rest %= 10
    if rest:
        words.append(_SMALL[rest])
    return words


def cardinal(n: int) -> str:
    """1234 -> "one thousand two hundred thirty four"; below 10^18, else digit by digit; negative with "minus"."""
    if n < 0:
        return "minus " + cardinal(-n)
    if n == 0:
        return "zero"
    if n >= 10**MAX_DIGITS:
        return digits(str(n))
    words: list[str] = []
    for power in range(len(_SCALES) - 1, -1, -1):
        group = n // 1000**power % 1000
        if group:
            words += [*_below_thousand(group), *filter(None, [_SCALES[power]])]
    return " ".join(words)


def ordinal(n: int) -> str:
    """21 -> "twenty first"."""
    *head, last = cardinal(n).split()
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    else:
        last = (last[:-1] + "ie" if last.endswith("y") else last) + "th"
    return " ".join([*head, last])


def digits(text: str) -> str:
    """One by one: "007" -> "zero zero seven"; what is not a digit is passed over."""
    return " ".join(_SMALL[int(c)] for c in text if c.isdecimal())


def number(text: str) -> str:
    """A decimal number as written: "1,234.50" -> "one thousand two hundred thirty four point five zero"."""
    whole, point, fraction = text.replace(",", "").partition(".")
    if len(whole) > 1 and whole.startswith("0") or len(whole) > MAX_DIGITS:
        words = digits(whole)
    else:
        words = cardinal(int(whole)) if whole else ""
    return f"{words} point {digits(fraction)}".strip() if point and fraction else words


def year(n: int) -> str:
    """1905 -> "nineteen oh five", 1900 -> "nineteen hundred", 2007 -> "two thousand seven"."""
    century, rest = divmod(n, 100)
    if not 1000 <= n <= 9999 or (century % 10 == 0 and rest < 10):
        return cardinal(n)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def plural(words: str) -> str:
    """The plural of the last word of a number: "nineteen ninety" -> "nineteen nineties", "six" -> "sixes"."""
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith(("x", "s")) else "s")


def fraction(over: int, under: int) -> str | None:
    """3/4 -> "three quarters", 1/2 -> "one half"; None when it is not read as a fraction (24/7)."""
    if not (1 <= over and 2 <= under) or (under > 20 and under % 10 and under not in (32, 64)) or over > 99:
        return None
    name = {2: "half", 4: "quarter"}.get(under) or ordinal(under)
    if over > 1:
        name = "halves" if under == 2 else name + "s"
    return f"{cardinal(over)} {name}"
