"""Numbers as Korean words: Sino-Korean (일, 이, 삼) and native (하나, 둘, 셋), and which one a counter takes.

Source: Korean Orthography (한글 맞춤법), article 44: a space after every power of ten thousand.
"""

from __future__ import annotations

import re

_DIGITS = "영일이삼사오육칠팔구"
_SMALL = ("", "십", "백", "천")
_LARGE = ("", "만", "억", "조", "경")
_ONES = ("", "하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉")
_ONES_BEFORE_COUNTER = ("", "한", "두", "세", "네", *_ONES[5:])
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")

MAX_DIGITS = 4 * len(_LARGE)

# Counters that take native numbers. Everything else, measures and money among it, takes Sino-Korean ones.
NATIVE_COUNTERS = tuple(
    "시간 시 개비 개 명 사람 살 마리 권 장 잔 병 대 채 벌 켤레 송이 그루 자루 번째 번 가지 군데 곳 통 판 쌍 그릇 "
    "조각 줄 달 배 방울 모금 걸음 바퀴 척 다발 알 곡 문장 끼 상자 봉지 팀 스푼 숟갈 단어 글자 마디 갈래".split()
)
_SINO_AFTER_ALL = (
    "개월", "개년", "개국", "개소", "번지", "번호", "번길", "번 버스", "번 출구", "번 문제", "번 교향곡",
    "번 트랙", "번 선수", "번 채널", "명령", "대학", "대 ", "대째", "대손", "장애", "달러", "시즌", "판매", "배럴",
    "통화", "권역", "병동", "번 국도", "번 고속", "장 제", "시리즈", "조각상", "통신", "살균", "판사", "판결", "잔류",
)  # fmt: skip
# 대 counts what runs or works: 자동차 세 대. After anything else it is "great" or a generation: 삼 대 왕.
_MACHINE = re.compile(
    "(?:자동차|승용차|화물차|소방차|구급차|경찰차|전기차|중고차|유모차|마차|기차|열차|전차|전동차|트럭|버스|택시|지하철|오토바이|자전거|"
    "킥보드|스쿠터|비행기|전투기|여객기|헬기|헬리콥터|드론|로켓|탱크|트랙터|컴퓨터|노트북|태블릿|모니터|프린터|복사기|서버|휴대폰|핸드폰|스마트폰|"
    "전화기|카메라|텔레비전|티브이|TV|PC|피시|라디오|스피커|앰프|마이크|에어컨|냉장고|세탁기|건조기|청소기|선풍기|공기청정기|전자레인지|밥솥|"
    "엘리베이터|로봇|기계|장비|발전기|자판기|키오스크|피아노|기타|바이올린|첼로|드럼|오르간|하프|신시사이저|차량|차)"
    "(?:[이가을를은는도만]|에)? *(?:약|총|모두|각각|단|겨우|또)? *$"
)
_HAS = ("대 샀", "대 사", "대 있", "대 팔", "대 빌", "대 주문", "대 고장", "대 필요", "대 더", "대 구입", "대 구매")


def _below_ten_thousand(n: int) -> str:
    out = ""
    for power in (3, 2, 1, 0):
        digit = n // 10**power % 10
        if digit:
            out += ("" if digit == 1 and power else _DIGITS[digit]) + _SMALL[power]
    return out


def sino(n: int) -> str:
    """12345 -> "만 이천삼백사십오"; 100000000 -> "일억"; from 10^20 on digit by digit."""
    if n == 0:
        return "영"
    if n >= 10**MAX_DIGITS:
        return digits(str(n))
    groups: list[str] = []
    for power in range(len(_LARGE) - 1, -1, -1):
        group = n // 10 ** (4 * power) % 10_000
        if group:
            bare = group == 1 and power == 1 and not groups  # 만, not 일만
            groups.append(("" if bare else _below_ten_thousand(group)) + _LARGE[power])
    return " ".join(groups)


def native(n: int, *, before_counter: bool = False) -> str:
    """21 -> "스물하나", before a counter "스물한"; 20 개 is "스무"; from 100 on the hundreds are Sino-Korean.

    Args:
        n: at least 1.  before_counter: 한, 두, 세, 네 in place of 하나, 둘, 셋, 넷.
    """
    hundreds, rest = n // 100 * 100, n % 100
    head = sino(hundreds) if hundreds else ""
    if before_counter and rest == 20:
        return head + "스무"
    return head + _TENS[rest // 10] + (_ONES_BEFORE_COUNTER if before_counter else _ONES)[rest % 10]


def digits(text: str, *, zero: str = "영") -> str:
    """ "2024" -> "이영이사"; telephone numbers say 공 for zero."""
    return "".join(zero if c == "0" else _DIGITS[int(c)] for c in text if c.isdecimal())


def number(text: str) -> str:
    """A number as written: "1,234.50" -> "천이백삼십사 점 오영"; "007" -> "영영칠"."""
    whole, _, fraction = text.replace(",", "").partition(".")
    said = digits(whole) if len(whole) > 1 and whole[0] == "0" else sino(int(whole or "0"))
    return f"{said} 점 {digits(fraction)}" if fraction else said


def counted(text: str, after: str, before: str = "") -> str:
    """The number in front of `after`, native when its counter takes native numbers: ("3", "개를") -> "세".

    Args:
        text: as written, "3" or "1,200".  after: what follows the number, without the space between.
        before: what stands in front of it; of a vehicle, a machine or an instrument there are 세 대.
    """
    plain = text.replace(",", "")
    whole = plain.isdecimal() and not (len(plain) > 1 and plain[0] == "0")
    if whole and re.match("대(?![가-힣]{2})", after) and not after.startswith(("대째", "대손")):
        things = _MACHINE.search(before) or after.startswith(_HAS)
        if things and 0 < int(plain) < 100:
            return native(int(plain), before_counter=True)
        if int(plain) % 10 == 0 or after.startswith("대 "):  # 20대가: their twenties
            return number(text)
    if not whole or after.startswith(_SINO_AFTER_ALL) or not after.startswith(NATIVE_COUNTERS):
        return number(text)
    n = int(plain)
    if n == 0 or n > 9999 or (after.startswith("시") and not after.startswith("시간") and n > 12):
        return number(text)
    if after.startswith("번") and not after.startswith("번째") and n > 12:  # 15번 is mostly the name of something
        return number(text)
    if n >= 100 and after.startswith(("배", "대", "번", "장", "명")) and n % 100 == 0:
        return number(text)
    if n == 1 and after.startswith("번째"):
        return "첫"
    return native(n, before_counter=True)
