"""Sums of money as English says them: $5, $1.50, £3m, $5-10, "a twenty dollar bill", "a one dollar fifty coffee"."""

from __future__ import annotations

import re

from core.text.numbers_en import cardinal, number

_SCALE = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion", "t": "trillion",
          "tn": "trillion"}  # fmt: skip
# sign or code: one, many, one hundredth, hundredths
_MONEY = {
    "$": ("dollar", "dollars", "cent", "cents"), "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"), "¥": ("yen", "yen", "", ""), "₩": ("won", "won", "", ""),
    "USD": ("dollar", "dollars", "cent", "cents"), "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"), "JPY": ("yen", "yen", "", ""), "KRW": ("won", "won", "", ""),
}  # fmt: skip
# What has a price or a sum before it, as in "a twenty dollar bill".
_PRICED = re.compile(
    r"[ -](?:bill|note|coin|ticket|fine|fee|prize|gift|card|voucher|coupon|meal|lunch|dinner|deal|contract|check|"
    r"cheque|reward|donation|grant|loan|budget|tip|bet|investment|fund|discount|charge|penalty|bonus|tax|toll|deposit|"
    r"bounty|bond|lawsuit|settlement|project|mansion|house|menu|mark|plan|subscription|rebate|credit|refund|stake|raise|surplus|"
    r"deficit|stamp|pledge|payment)s?\b"
)
NO_NOUN = frozenset(
    "a an per and or but to in for on at of is was by from with than as that which who when if each every more less off"
    " over under up down out back he she it we they you i".split()
)
_ONE = ("1", "1.0")


def _priced(m: re.Match[str], before: str) -> bool:
    """A noun follows that the sum belongs to: a $20 bill, a $3 coffee."""
    rest = m.string[m.end() :]
    noun = re.match(r"[ -]([a-z]+)", rest)
    article = before.lower() in ("a", "an", "another", "every") and noun is not None and noun[1] not in NO_NOUN
    return article or _PRICED.match(rest) is not None


def money_range(m: re.Match[str], before: str) -> str:
    """$5-10: the sign before the first number is for both."""
    one, many = _MONEY[m["sign"][-1]][:2]
    scale = (m["scale"] or "").lower().strip()
    said = f"{number(m['first'])} to {number(m['value'])} " + (_SCALE.get(scale, scale) + " " if scale else "")
    return said + (one if _priced(m, before) else many)


def money(m: re.Match[str], before: str) -> str:
    """$1.50, £3m, 5 USD; a $20 bill."""
    sign, value = m["sign"] or m["code"], m["value"]
    one, many, cent, cents = _MONEY[sign[-1] if sign[-1] in _MONEY else sign]
    minus = "minus " if m["minus"] else ""
    scale = (m["scale"] or "").lower().strip()
    priced = _priced(m, before)
    many = one if priced else many
    if scale:
        return f"{minus}{number(value)} {_SCALE.get(scale, scale)} {many}"
    whole, _, part = value.partition(".")
    if len(part) == 2 and cent and priced and int(part):
        return minus + _price(whole.replace(",", ""), int(part), one, cent if cent == "cent" else cents)
    if len(part) != 2 or not cent:
        return f"{minus}{number(value)} {one if value in _ONE else many}"
    small = f"{cardinal(int(part))} {cent if int(part) == 1 else cents}" if int(part) else ""
    big = f"{number(whole)} {one if whole == '1' else many}" if not whole or int(whole.replace(",", "")) else ""
    if not whole:
        big = ""
    return minus + (" and ".join(filter(None, [big, small])) or f"zero {many}")


def _price(whole: str, part: int, one: str, cent: str) -> str:
    """A sum before the noun it belongs to: a one dollar fifty coffee, a two dollar and five cent stamp."""
    big = f"{cardinal(int(whole))} {one}" if whole and int(whole) else ""
    if not big:
        return f"{cardinal(part)} {cent}"
    return f"{big} {cardinal(part)}" if part >= 10 and int(whole) < 100 else f"{big} and {cardinal(part)} {cent}"


def cents(m: re.Match[str], before: str) -> str:
    """50¢."""
    return f"{number(m[1])} cent{'' if m[1] in _ONE else 's'}"
