"""What is written in Korean text and how it is said, one rule for each kind; as `rules_en`, in Hangul.

Known limits: 3.1, 6.25 and the other days that stand for events are read so only before the words of _EVENT (6.25 also
before most particles); letters and digits mixed go piece by piece (3D is 삼디); a Latin word is read as English.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from core.text.loanwords import LEADS, VOWELS, hangul, spelled, syllable
from core.text.numbers_ko import NATIVE_COUNTERS, counted, digits, native, number, sino

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], "str | None"]]

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_UNITS = {
    "km/h": "킬로미터 퍼 아워", "m/s": "미터 퍼 세컨드", "km": "킬로미터", "cm": "센티미터", "mm": "밀리미터",
    "m": "미터", "kg": "킬로그램", "mg": "밀리그램", "g": "그램", "mL": "밀리리터", "ml": "밀리리터", "L": "리터",
    "l": "리터", "kHz": "킬로헤르츠", "MHz": "메가헤르츠", "GHz": "기가헤르츠", "Hz": "헤르츠", "dB": "데시벨",
    "kB": "킬로바이트", "KB": "킬로바이트", "MB": "메가바이트", "GB": "기가바이트", "TB": "테라바이트",
    "kW": "킬로와트", "W": "와트", "V": "볼트", "ms": "밀리초", "s": "초", "fps": "에프피에스", "°C": "도",
    "°F": "도", "°": "도", "%p": "퍼센트포인트", "%": "퍼센트", "㎡": "제곱미터", "m²": "제곱미터",
    "km²": "제곱킬로미터", "m³": "세제곱미터", "kcal": "킬로칼로리",
}  # fmt: skip
_MONEY = {"$": "달러", "€": "유로", "£": "파운드", "¥": "엔", "₩": "원"}
_SIGNS = {
    "&": "앤드", "+": "더하기", "=": "은", "×": "곱하기", "÷": "나누기", "±": "플러스마이너스", "@": "골뱅이",
    "#": "샵", "<": "작다", ">": "크다", "≤": "이하", "≥": "이상", "°": "도", "%": "퍼센트", "$": "달러",
    "€": "유로", "£": "파운드", "¥": "엔", "₩": "원", "→": "에서", "*": "별표", "/": "슬래시", "√": "루트",
    "∞": "무한대", "²": "제곱", "³": "세제곱", "−": "마이너스",
}  # fmt: skip
SAID = "".join(_SIGNS) + "`\"'~|\\^_"
_MONTHS = {6: "유", 10: "시"}


def _month(text: str) -> str:
    """6월 is 유월, 10월 is 시월."""
    return _MONTHS.get(int(text), sino(int(text))) + "월"


def _date(m: re.Match[str]) -> str | None:
    if not (1 <= int(m[2]) <= 12 and 1 <= int(m[3]) <= 31):
        return None
    return f"{sino(int(m[1]))} 년 {_month(m[2])} {sino(int(m[3]))}일"


def _only_month(m: re.Match[str]) -> str | None:
    return _month(m[1]) if 1 <= int(m[1]) <= 12 else None


def _day(m: re.Match[str]) -> str:
    return sino(int(m[1])) + "일"


def _clock(m: re.Match[str]) -> str | None:
    hour, minute = int(m[1]), int(m[2])
    if hour > 24:
        return None
    said = (native(hour, before_counter=True) if 1 <= hour <= 12 else sino(hour)) + " 시"
    return said + (f" {sino(minute)} 분" if minute else "") + (f" {sino(int(m[3]))} 초" if m[3] else "")


def _phone(m: re.Match[str]) -> str:
    return ", ".join(digits(group, zero="공") for group in re.findall(r"\d+", m[0]))


def _money(m: re.Match[str]) -> str:
    return f"{'마이너스 ' if m[1] else ''}{number(m[3])}{m[4] or ''} {_MONEY[m[2]]}"


def _measure(m: re.Match[str]) -> str:
    cold = "영하 " if m[1] and m[3] in ("°C", "°") else "마이너스 " if m[1] else ""
    return f"{cold}{number(m[2])} {_UNITS[m[3]]}"


def _range(m: re.Match[str]) -> str:
    gap = " " if re.match("[가-힣]", m.string[m.end() :]) else ""
    return f"{number(m[1])}에서 {number(m[2])}{gap}"


_PARTICLE = re.compile(
    "(이|가|은|는|을|를|의|에|로|으로|과|와|도|만|이다|입니다|부터|까지|보다|쯤|여|년생|대)(?![가-힣]{2})"
)


def _with_counter(text: str, after: str, before: str) -> str:
    """A number and the space before its counter, where Hangul follows without one."""
    said = counted(text, after.lstrip(" "), before)
    particle = _PARTICLE.match(after) and not after.startswith(NATIVE_COUNTERS)
    attached = particle or after[:1] in tuple("만억조천백십")
    return said + (" " if "가" <= after[:1] <= "힣" and not attached else "")


def _number(m: re.Match[str]) -> str:
    if re.match(r"[십백천만억조]", m.string[m.end() :]) and m[2].isdecimal():  # 3천, 5백만, 10만
        bare = m[2] == "1" and m.string[m.end() : m.end() + 1] in tuple("십백천만")
        return "" if bare else sino(int(m[2]))
    return f"{'마이너스 ' if m[1] else ''}{_with_counter(m[2], m.string[m.end() :], m.string[: m.start()])}"


def _email(m: re.Match[str]) -> str:
    names = {"@": "골뱅이", ".": "닷", "-": "대시", "_": "밑줄", "/": "슬래시", ":": "콜론", "+": "플러스"}
    parts = re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", re.sub("^https?://", "", m[0]))

    def said(part: str) -> str:
        if part.isdigit():
            return digits(part, zero="공")
        if not part.isalpha():
            return names.get(part, "")
        return spelled(part) if part.lower() == "www" or len(part) <= 2 else hangul(part)

    return " ".join(filter(None, map(said, parts)))


def _latin(m: re.Match[str]) -> str:
    return hangul(m[0])


def _single_jamo(m: re.Match[str]) -> str:
    """ㅋㅋ is 크크, ㅠㅠ is 유유; clusters such as ㄳ have no reading and are passed over."""
    return "".join(
        syllable(c, "ㅡ") if c in LEADS else syllable("ㅇ", c) if c in VOWELS else "" for c in m[0]
    )  # fmt: skip


# Days that stand for what happened on them, by their digits: 육이오.
_DAYS = "3.1 4.3 4.16 4.19 5.16 5.18 6.10 6.25 6.29 8.15 9.11 9.18 10.26 12.3 12.12".split()
_EVENT = (
    "절|전쟁|동란|사변|때|당시|참전|전사|피난|직후|직전|세대|운동|정신|혁명|의거|민주|광복|해방|독립|경축|항쟁|쿠데타|군사|정변|사태|사건|선언|"
    "테러|희생|참사|기념|묘지|만세|수복|비상"
)
_DAY_OF = re.compile(
    rf"({'|'.join(map(re.escape, _DAYS))})(?=[ '\"]{{0,2}}(?:{_EVENT}))"
    r"|(?<!평균 )(?<!약 )(?<!값은 )6\.25(?=[은는이가를의와과도에](?![가-힣]\d)| *$)"
)


def _known_day(m: re.Match[str]) -> str:
    """3.1절 is 삼일절; 12.12 십이십이. 6.25 needs no noun after it unless it is measured."""
    month, day = re.split(r"[.·]", m[0])
    return sino(int(month)) + (sino(int(day)) if day in ("10", "12") else digits(day))


def _dotted_day(m: re.Match[str]) -> str | None:
    return _known_day(m) if m[0].replace("·", ".") in _DAYS else None


_UNIT_NAMES = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
RULES: tuple[Rule, ...] = tuple((re.compile(p) if isinstance(p, str) else p, f) for p, f in (
    (r"https?://[^\s<>\"가-힣]*[\w/]|[\w.+-]+@[A-Za-z\d-]+(?:\.[A-Za-z\d-]+)+|www\.[A-Za-z\d.-]+\w", _email),
    (r"(\d{4})[-./]\s?(\d{1,2})[-./]\s?(\d{1,2})(?!\d)\.?", _date),
    (_DAY_OF, _known_day),
    (r"\d{1,2}·\d{1,2}(?![\d·])", _dotted_day),
    (r"·", lambda m: " "),
    (r"(\d{1,2})월(?!드)", _only_month),
    (r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?!\d)", _clock),
    (r"(?<=:\d\d)\s?[~–∼-]\s?(?=\d{1,2}:\d\d)|(?<=[시분일월년층회])\s?[~–∼]\s?(?=\d)", lambda m: "에서 "),
    (r"(\d+):(\d+)", lambda m: f"{sino(int(m[1]))} 대 {sino(int(m[2]))}"),
    (r"\+?\d{2,4}-\d{3,4}-\d{4}(?!\d)|\d{3,4}-\d{4}(?!\d)|01\d{8,9}(?!\d)", _phone),
    (rf"(-)?([$€£¥₩])\s?({_NUMBER})(만|억|조|백만|천만)?", _money),
    (rf"(?:(?<!\w)(-))?({_NUMBER})\s?({_UNIT_NAMES})(?![A-Za-z°])", _measure),
    (r"([1-4])/4\s?분기", lambda m: f"{sino(int(m[1]))}사분기"),
    (r"([12])\+1(?= ?(?:행사|이벤트|상품|세일|할인))", lambda m: f"{'원' if m[1] == '1' else '투'} 플러스 원"),
    (r"(\d+)/(\d+)(?!\d)", lambda m: f"{sino(int(m[2]))} 분의 {sino(int(m[1]))}"),
    (r"½", lambda m: "이 분의 일"),
    (rf"({_NUMBER})\s?[~–∼-]\s?({_NUMBER})", _range),
    (r"(\d{1,2})일(?!\s?[곱흔])", _day),
    (rf"(?:(?<!\w)(-))?({_NUMBER})", _number),
    (r"(?:[A-Za-z]\.){2,}", lambda m: spelled(m[0])),
    (r"(Dr|Mr|Mrs|Ms)\.", lambda m: {"Dr": "닥터", "Mr": "미스터", "Mrs": "미시즈", "Ms": "미즈"}[m[1]]),
    (r"(?<=[A-Za-z])-(?=[A-Za-z\d])", lambda m: " "),
    (r"[A-Za-z]+(?:'[A-Za-z]+)*", _latin),
    (r"[ㄱ-ㅣ]+", _single_jamo),
    (r"\+\+", lambda m: "플러스플러스"),
    (r"=", lambda m: "= "),
    (r"[" + re.escape("".join(_SIGNS)) + "]", lambda m: f" {_SIGNS[m[0]]} "),
))  # fmt: skip
