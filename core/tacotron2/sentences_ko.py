"""Korean sentences for the teacher of the Korean voice: word lists, a small grammar, and sentences never taught.

All of it was written for this project, so what is spoken from it may be given away. A pattern such as

    "{past} {at}에서 {object}을 {do:었어요}."

takes words that go together (`{at}`, `{object}` and `{do:...}` are one action), puts particles into the form that
the syllable before them asks for (을 after a consonant, 를 after a vowel) and conjugates. `(a|b)` is a choice.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from core.tacotron2.words_ko import ACTIONS, HONORIFIC, NOUNS, PATTERNS, QUALITIES, RARE_PATTERNS, SCENES
from core.text import numbers_ko
from core.text.loanwords import TAILS

__all__ = ["UNSEEN", "Verb", "agree", "conjugate", "sentences"]

# Particles as after a consonant, and as after a vowel; 으로 is 로 after ㄹ too.
PARTICLES = {
    "은": "는", "이": "가", "을": "를", "과": "와", "으로": "로", "이에요": "예요", "이었어요": "였어요",
    "이었습니다": "였습니다", "이라고": "라고", "이라는": "라는", "이라서": "라서", "이지만": "지만", "이고": "고",
    "이랑": "랑", "이나": "나", "이네요": "네요", "이군요": "군요", "이셨어요": "셨어요", "이지요": "지요",
}  # fmt: skip
RARE_SHARE = 0.15  # of sentences that are there for their sounds
LONG, LESS_OF_LONG = 20, 0.55  # of sentences longer than so many characters, the share that is left out
_PARTICLE = re.compile("⟩(" + "|".join(sorted(PARTICLES, key=len, reverse=True)) + ")?")
_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+?)(\d?)(?::([^}]*))?\}")


@dataclass(frozen=True)
class Verb:
    """A verb or adjective by the three forms that endings join.

    stem: 듣.  eo: with 아 or 어, 들어.  eu: what endings in (으) follow, 들으.
    """

    stem: str
    eo: str
    eu: str

    @classmethod
    def read(cls, written: str) -> Verb:
        """ "듣/들어/들으"; the third form is only written where it is irregular."""
        stem, eo, *rest = written.replace("_", " ").split("/")
        return cls(stem, eo, rest[0] if rest else stem + "으" * (tail(stem) not in " ㄹ"))


def tail(text: str) -> str:
    """The consonant that ends a text, or " "."""
    return TAILS[(ord(text[-1]) - 0xAC00) % 28]


def with_tail(text: str, consonant: str) -> str:
    """Another final consonant: ("가", "ㅆ") -> "갔", ("만들", "ㄴ") -> "만든"."""
    code = ord(text[-1]) - 0xAC00
    return text[:-1] + chr(0xAC00 + code - code % 28 + TAILS.index(consonant))


def conjugate(verb: Verb, ending: str) -> str:
    """Stem and ending: 듣 and 었어요 -> 들었어요; 만들 and 으세요 -> 만드세요; 가 and 습니다 -> 갑니다.

    Args:
        ending: as after a stem in a consonant: 어요, 었습니다, 으면, 습니다, 는다, 고, 네요; for the forms in 을 and
            은, ㄹ and ㄴ with what follows them: "ㄹ 거예요".
    """
    if ending.startswith(("으세", "으셔", "으셨", "으십")) and verb.stem in HONORIFIC:
        verb = Verb.read(HONORIFIC[verb.stem])
    first, rest = ending[0], ending[1:]
    if first == "어":
        return verb.eo + rest
    if first == "었":
        return with_tail(verb.eo, "ㅆ") + rest
    if first in "ㄴㄹ":
        return with_tail(verb.eu, first) + rest
    base, joined = (verb.eu, rest) if first == "으" else (verb.stem, ending)
    open_or_l = tail(base) in " ㄹ"
    if joined.startswith("습니") and open_or_l:
        return with_tail(base, "ㅂ") + joined[1:]
    if joined.startswith("는다") and open_or_l:
        return with_tail(base, "ㄴ") + joined[1:]
    if tail(base) == "ㄹ" and (ord(joined[0]) - 0xAC00) // 588 in (2, 9):  # ㄹ goes before ㄴ and ㅅ
        base = with_tail(base, " ")
    return base + joined


def agree(text: str) -> str:
    """Particles after "⟩" in the form that their noun asks for: "물⟩으로 국수⟩을" -> "물로 국수를"."""

    def form(m: re.Match[str]) -> str:
        if not m[1]:
            return ""
        last = tail(text[: m.start()])
        return PARTICLES[m[1]] if last == " " or (m[1] == "으로" and last == "ㄹ") else m[1]

    return _PARTICLE.sub(form, text)


def _number(kind: str, pick: random.Random) -> str:
    """Times, dates, amounts and years in Hangul."""
    sino, native = numbers_ko.sino, numbers_ko.native
    if kind == "clock":
        half = pick.choice(["", " 반", f" {sino(5 * pick.randint(1, 11))} 분"])
        part, first, last = pick.choice([("새벽", 1, 5), ("오전", 6, 11), ("오후", 1, 11), ("저녁", 6, 9)])
        return f"{part} {native(pick.randint(first, last), before_counter=True)} 시{half}"
    if kind == "date":
        month = pick.randint(1, 12)
        return {6: "유", 10: "시"}.get(month, sino(month)) + f"월 {sino(pick.randint(1, 28))}일"
    if kind == "won":
        return sino(pick.choice([100, 1000, 10_000]) * pick.randint(2, 99)) + " 원"
    if kind == "year":
        return sino(pick.randint(1950, 2030)) + "년"
    if kind == "age":
        return native(pick.randint(3, 89), before_counter=True) + " 살"
    if kind == "few":
        return native(pick.randint(1, 20), before_counter=True)
    return sino(pick.randint(2, 99))


@dataclass(frozen=True)
class _Chosen:
    """What one sentence speaks of: nouns of a table's row, the row's verb, and its places or adverbs."""

    nouns: str
    verb: Verb
    others: str

    @classmethod
    def read(cls, rows: str, pick: random.Random) -> _Chosen:
        nouns, verbs, others = pick.choice(rows.strip().splitlines()).split("|")
        return cls(nouns, Verb.read(pick.choice(verbs.split())), others)


# The slots that one row of a table fills: its noun, its verb, its place or adverb.
_TABLES = {("object", "do", "at"): ACTIONS, ("thing", "be", "very"): QUALITIES, ("what", "happen", "how"): SCENES}
ADVERBS = ("at", "very", "how")
_NUMBERS = ("clock", "date", "won", "year", "age", "few", "sino")


def _words(written: str) -> list[str]:
    """Words in a row or a list; a name in < > stands for one of the lists in NOUNS."""
    found = [NOUNS[word[1:-1]].split() if word[0] == "<" else [word] for word in written.split()]
    return [word.replace("_", " ") for group in found for word in group]


def _slots(pick: random.Random) -> Callable[[re.Match[str]], str]:
    """What fills the slots of one sentence, the same row for all slots of one table and number."""
    rows: dict[tuple[str, ...], _Chosen] = {}
    used: set[str] = set()

    def fill(m: re.Match[str]) -> str:
        name, ending = m[1], m[3]
        if name in _NUMBERS:
            return _number(name, pick) + "⟩"
        slots = next((slots for slots in _TABLES if name in slots), None)
        if slots and (*slots, m[2]) not in rows:
            rows[(*slots, m[2])] = _Chosen.read(_TABLES[slots], pick)
        row = rows[(*slots, m[2])] if slots else None
        if row and ending:
            known = row.verb.stem.endswith(("있", "없"))  # 맛있는, not 맛있은
            return conjugate(row.verb, "는" + ending[1:] if known and ending[0] == "ㄴ" else ending)
        words = _words(NOUNS[name] if not row else row.others if name in ADVERBS else row.nouns)
        used.add(word := pick.choice([word for word in words if word not in used] or words))
        return word + "⟩"

    return fill


def _sentence(pick: random.Random) -> str:
    text = pick.choice(RARE_PATTERNS if pick.random() < RARE_SHARE else PATTERNS)
    while _CHOICE.search(text):
        text = _CHOICE.sub(lambda m: pick.choice(m[1].split("|")), text)
    text = agree(_SLOT.sub(_slots(pick), text))
    return re.sub(" +", " ", text).strip()


def sentences(count: int, seed: int = 0) -> list[str]:
    """Different Korean sentences, the same ones for the same seed; none of UNSEEN.

    Args:
        count: how many, at least 0; tens of thousands are possible.
    """
    pick = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        text = _sentence(pick)
        if len(text) > LONG and pick.random() < LESS_OF_LONG:
            continue
        if text not in UNSEEN:
            found[text] = None
    return list(found)


# Never in what is taught. The first is the sentence by which the Korean voice is known.
UNSEEN = tuple("""
안녕하세요? 만나게 돼서 모두 반갑습니다.
낮말은 새가 듣고 밤말은 쥐가 듣는다.
가는 말이 고와야 오는 말이 곱다.
천 리 길도 한 걸음부터 시작됩니다.
원숭이도 나무에서 떨어질 때가 있다.
소 잃고 외양간 고친다는 말이 있잖아요.
백지장도 맞들면 낫다고 했습니다.
발 없는 말이 천 리를 간다.
티끌 모아 태산이라더니 정말 그렇군요!
세 살 버릇이 여든까지 간다고 하지요.
오늘 하루도 수고 많으셨습니다.
잠깐만요, 제 말 좀 끝까지 들어 보세요.
엄마, 나 오늘 학교에서 칭찬받았어!
도대체 이게 어떻게 된 일이에요?
미안한데 조금만 더 기다려 줄래?
내릴 곳을 지나쳐서 한참을 걸어 돌아왔어요.
전화를 안 받으셔서 문자를 남겨 놓았습니다.
비밀번호를 세 번 틀리면 계정이 잠깁니다.
이번 역은 서울역, 서울역입니다.
내리실 문은 오른쪽입니다.
문이 열립니다, 한 걸음 물러서 주십시오.
고객님의 전화가 꺼져 있어 음성 사서함으로 연결됩니다.
오늘 밤부터 전국에 많은 비가 내리겠습니다.
밤사이 기온이 크게 떨어져 도로가 얼어붙었습니다.
경찰은 정확한 사고 원인을 조사하고 있습니다.
대통령은 오늘 오전 국회에서 연설을 했습니다.
지난해 수출이 처음으로 육천억 달러를 넘어섰습니다.
연구진은 새로운 치료법을 찾아냈다고 밝혔습니다.
우리 대표팀이 연장전 끝에 결승에 올랐습니다.
시민들은 촛불을 들고 광장으로 모여들었다.
컴퓨터가 사람의 목소리를 배우는 시대가 왔습니다.
이 목소리는 신경망이 한 글자씩 만들어 낸 것입니다.
글자를 소리로 바꾸는 일은 생각만큼 쉽지 않다.
국물이 끓기 시작하면 파를 송송 썰어 넣으세요.
소금을 너무 많이 넣는 바람에 먹을 수가 없었다.
따끈한 붕어빵 한 봉지면 추위도 잊을 만하다.
꽃잎이 물 위에 떨어져 천천히 떠내려갔다.
할머니 무릎을 베고 누워 옛날이야기를 들었다.
달빛이 환하게 비치는 밤길을 둘이서 걸었다.
그는 아무 대답 없이 고개만 끄덕였다.
창밖을 바라보던 아이가 갑자기 환하게 웃었다.
읽던 책을 덮고 나니 벌써 새벽이었다.
같이 살던 고양이가 무지개다리를 건넜어요.
괜찮아, 누구나 처음에는 다 실수하는 법이야.
네가 그렇게 말해 주니까 힘이 난다.
뭐라고? 다시 한번 천천히 말해 봐!
설마 아직도 숙제를 안 한 건 아니지?
왜 하필이면 오늘 같은 날 늦잠을 잤을까?
주말인데 집에만 있지 말고 어디라도 나가자.
값이 싼 게 비지떡이라는 말도 있잖아.
여덟 명이 앉을 만한 넓은 자리가 있을까요?
의사의 말로는 며칠 푹 쉬면 나을 거래요.
짐이 무거우면 제가 들어 드릴게요.
혹시 근처에 늦게까지 여는 약국이 있을까요?
저희 가게는 매주 화요일에 쉽니다.
성함과 연락처를 여기에 적어 주시겠습니까?
죄송하지만 그 상품은 모두 팔렸습니다.
새해 복 많이 받으시고 늘 건강하세요!
생일 축하해, 우리 앞으로도 사이좋게 지내자.
그럼 이만 줄이겠습니다, 안녕히 계세요.
""".strip().splitlines())
