"""English words in Hangul: acronyms letter by letter, other words by their sound.

Source: Loanword Orthography (외래어 표기법), chapter 3, section 1, items 1 to 10 for English. The sound is that of
`core.text.phones`, so American; vowels without stress follow the letter they are written with, as usual in Korea.

Known limits: what Korea borrowed by the British sound or by its spelling (비타민, 마라톤) is right only where _USUAL
has it; names outside that list are by their American sound, and plurals of listed words go by the rules.
"""

from __future__ import annotations

import re

from core.text.phones import Phones, is_acronym, is_vowel, pronounce, syllables

LETTERS = dict(zip(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "에이 비 시 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 알 에스 티 유 브이 더블유 "
    "엑스 와이 제트".split(),
))  # fmt: skip

LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
TAILS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"

_LEAD = {
    "P": "ㅍ", "B": "ㅂ", "T": "ㅌ", "D": "ㄷ", "K": "ㅋ", "G": "ㄱ", "F": "ㅍ", "V": "ㅂ", "TH": "ㅅ", "DH": "ㄷ",
    "S": "ㅅ", "Z": "ㅈ", "SH": "ㅅ", "ZH": "ㅈ", "CH": "ㅊ", "JH": "ㅈ", "M": "ㅁ", "N": "ㄴ", "L": "ㄹ",
    "R": "ㄹ", "HH": "ㅎ",
}  # fmt: skip
_VOWEL = {
    "AA": "ㅏ", "AE": "ㅐ", "AH": "ㅓ", "AO": "ㅗ", "AW": "ㅏㅜ", "AY": "ㅏㅣ", "EH": "ㅔ", "ER": "ㅓ",
    "EY": "ㅔㅣ", "IH": "ㅣ", "IY": "ㅣ", "OW": "ㅗ", "OY": "ㅗㅣ", "UH": "ㅜ", "UW": "ㅜ",
}  # fmt: skip
_WITH_Y = dict(zip("ㅏㅐㅓㅔㅗㅜㅣ", "ㅑㅒㅕㅖㅛㅠㅣ"))
_WITH_W = dict(zip("ㅏㅐㅓㅔㅗㅜㅣ", "ㅘㅙㅝㅞㅝㅜㅟ"))
_CODA = {"M": "ㅁ", "N": "ㄴ", "NG": "ㅇ", "L": "ㄹ", "P": "ㅂ", "T": "ㅅ", "K": "ㄱ"}
# Written otherwise than the rules would from the American sound: as the National Institute writes words and names,
# most of which came by older or British pronunciations.
_USUAL = dict(pair.split("=") for pair in (
    "academy=아카데미 africa=아프리카 algorithm=알고리듬 alto=알토 amazon=아마존 american=아메리칸 "
    "analog=아날로그 apartment=아파트 asia=아시아 attention=어텐션 audio=오디오 avocado=아보카도 "
    "bach=바흐 ballad=발라드 ballet=발레 banana=바나나 baritone=바리톤 basket=바스켓 beethoven=베토벤 "
    "blues=블루스 buffet=뷔페 busan=부산 business=비즈니스 cafe=카페 california=캘리포니아 camera=카메라 "
    "carpet=카펫 catalog=카탈로그 channel=채널 chicken=치킨 chocolate=초콜릿 chopin=쇼팽 "
    "christmas=크리스마스 clarinet=클라리넷 club=클럽 cocktail=칵테일 coffee=커피 com=컴 "
    "conference=콘퍼런스 data=데이터 database=데이터베이스 deep=딥 diamond=다이아몬드 digital=디지털 "
    "documentary=다큐멘터리 duet=듀엣 elevator=엘리베이터 encoder=인코더 endorphin=엔도르핀 energy=에너지 "
    "ensemble=앙상블 gas=가스 global=글로벌 helmet=헬멧 hiphop=힙합 hollywood=할리우드 hyundai=현대 "
    "idol=아이돌 image=이미지 japan=재팬 kakao=카카오 karaoke=가라오케 kimchi=김치 korea=코리아 "
    "korean=코리안 language=랭귀지 lemon=레몬 library=라이브러리 license=라이선스 machine=머신 "
    "manager=매니저 mango=망고 marathon=마라톤 market=마켓 mask=마스크 mayonnaise=마요네즈 "
    "mendelssohn=멘델스존 message=메시지 mic=마이크 mozart=모차르트 nasa=나사 news=뉴스 nonsense=난센스 "
    "opera=오페라 orange=오렌지 organ=오르간 outlet=아웃렛 parameter=파라미터 paris=파리 piano=피아노 pop=팝 "
    "pineapple=파인애플 pizza=피자 plastic=플라스틱 pocket=포켓 propose=프러포즈 python=파이선 "
    "racket=라켓 radio=라디오 reggae=레게 restaurant=레스토랑 rhythm=리듬 rocket=로켓 royalty=로열티 "
    "russia=러시아 samsung=삼성 santa=산타 sauna=사우나 sausage=소시지 schubert=슈베르트 seoul=서울 "
    "shirt=셔츠 signal=시그널 soccer=사커 studio=스튜디오 super=슈퍼 superman=슈퍼맨 "
    "supermarket=슈퍼마켓 synthesizer=신시사이저 taekwondo=태권도 talent=탤런트 tchaikovsky=차이콥스키 "
    "ticket=티켓 tokyo=도쿄 tomato=토마토 towel=타월 toyota=도요타 trot=트로트 trumpet=트럼펫 "
    "vietnam=베트남 violin=바이올린 vitamin=비타민 waltz=왈츠 white=화이트 yogurt=요구르트 "
).split())  # fmt: skip
_SHORT = frozenset(("AA", "AE", "AH", "EH", "IH", "UH", "AO"))


def syllable(lead: str, vowel: str, tail: str = " ") -> str:
    """One Hangul syllable of its letters: ("ㅎ", "ㅏ", "ㄴ") -> "한"."""
    return chr(0xAC00 + (LEADS.index(lead) * 21 + VOWELS.index(vowel)) * 28 + TAILS.index(tail))


def _close(out: list[str], tail: str) -> bool:
    """Put a consonant under the last syllable, if that is open."""
    if out and (ord(out[-1]) - 0xAC00) % 28 == 0:
        out[-1] = chr(ord(out[-1]) + TAILS.index(tail))
        return True
    return False


def _vowel_letters(word: str, phones: Phones) -> list[str]:
    """The letter behind each vowel phone, "" where letters and phones cannot be matched one to one."""
    groups = re.findall(r"[aeiou]+|(?<=[^aeiou])y", re.sub(r"(?<=[^aeiou])e$", "", word.lower()))
    vowels = [p for p in phones if is_vowel(p)]
    return [g if len(g) == 1 else "" for g in groups] if len(groups) == len(vowels) else [""] * len(vowels)


def _vowel(phone: str, written: str, before: str, after: str, *, closed: bool) -> str:
    """Hangul of a vowel; a schwa goes by its letter, an American AA written o is ㅗ, and new is 뉴.

    Args:
        phone: with stress.  written: its letter, or "".  before, after: the phones beside it.
        closed: a consonant ends its syllable.
    """
    name = phone[:-1]
    if phone == "AH0" and written == "e":
        return "ㅣ" if closed and after in ("S", "T") else "ㅡ" if closed and after == "N" else "ㅔ"
    if phone == "AH0" and written in ("a", "i", "o") and (not closed or written == "i"):
        return {"a": "ㅏ", "i": "ㅣ", "o": "ㅗ"}[written]
    if name == "UW" and before in ("N", "T", "D") and written in ("u", "e"):
        return "ㅠ"
    if name == "AA" and written:
        return "ㅗ" if written == "o" else "ㅓ" if before == "W" else "ㅏ"
    return _VOWEL[name]


def _without_vowel(out: list[str], phone: str, before: str, after: str) -> None:
    """A consonant with no vowel after it: under the last syllable, or with a vowel of its own (items 1 to 6)."""
    if phone in ("M", "N", "NG", "L") and _close(out, _CODA[phone]):
        return
    if before == "L" and phone in ("M", "N"):
        out.append(syllable("ㄹ", "ㅡ", _CODA[phone]))  # film
        return
    if before + phone in ("TS", "DZ") and out and out[-1] in "트드":
        out[-1] = "츠" if phone == "S" else "즈"
        return
    stop_stays = before[:-1] in _SHORT and after not in ("L", "R", "M", "N")
    if phone in ("P", "T", "K") and stop_stays and _close(out, _CODA[phone]):
        return
    if phone in ("SH", "ZH", "CH", "JH"):
        out.append(syllable(_LEAD[phone], "ㅠ" if phone == "SH" and after else "ㅣ"))
    elif phone in _LEAD:
        out.append(syllable(_LEAD[phone], "ㅡ"))


def _with_vowel(out: list[str], lead: str, glide: str, vowel: str, before: str) -> None:
    """Lead, glide and vowel as one or two syllables (items 3, 6, 8, 9)."""
    first, rest = vowel[0], vowel[1:]
    if lead == "L" and before not in ("M", "N", "NG", ""):
        _close(out, "ㄹ")  # the l between vowels is doubled
    if glide == "Y" or lead == "SH":
        if lead in ("D", "L", "N") and vowel == "ㅓ":
            out.append(syllable(_LEAD[lead], "ㅣ"))  # union, Indian
            lead = ""
        else:
            first = _WITH_Y.get(first, first)
    if glide == "W":
        if lead and lead not in ("G", "K", "HH"):
            out.append(syllable(_LEAD[lead], "ㅡ"))
            lead = ""
        first = _WITH_W.get(first, first)
    out.append(syllable(_LEAD.get(lead, "ㅇ"), first))
    out.extend(syllable("ㅇ", v) for v in rest)


def by_sound(word: str, phones: Phones) -> str:
    """Hangul for an English word with its phones: "WaveNet" W EY1 V N EH2 T -> "웨이브넷".

    Args:
        word: as written.  phones: ARPABET with stress.
    """
    out: list[str] = []
    letters = iter(_vowel_letters(word, phones))
    ends = _closed(phones)
    lead = glide = before = ""
    for i, phone in enumerate(phones):
        after = phones[i + 1] if i + 1 < len(phones) else ""
        if is_vowel(phone):
            written = next(letters)
            vowel = _vowel(phone, written, glide or lead, after, closed=i in ends)
            if phone == "AH0" and after == "L" and written != "e" and lead and not glide and i in ends:
                vowel = "ㅡ"  # apple, Google
            if phone[:-1] == "AW" and is_vowel(after):
                _with_vowel(out, lead, glide, "ㅏ", before)  # tower
                lead, glide = "", "W"
            else:
                _with_vowel(out, lead, glide, vowel, before)
                lead, glide = ("R" if phone[:-1] == "ER" and is_vowel(after) else ""), ""
            before = phone
        elif phone in ("Y", "W") and after and is_vowel(after):
            glide = phone
        elif phone == "R" and not (after and is_vowel(after)):
            if before[:-1] in ("IH", "IY", "EH", "UH", "AY", "AW"):
                out.append("어")
            before = phone
        elif phone != "NG" and after and (is_vowel(after) or _glide_follows(phones, i)):
            before = phones[i - 1] if i else ""
            lead = phone
        else:
            _without_vowel(out, phone, before, after)
            before = phone
    return "".join(out)


def _closed(phones: Phones) -> set[int]:
    """The places of vowels whose syllable ends in a consonant."""
    found, start = set(), 0
    for part in syllables(phones):
        nucleus = next((i for i, p in enumerate(part) if is_vowel(p)), len(part) - 1)
        if nucleus < len(part) - 1:
            found.add(start + nucleus)
        start += len(part)
    return found


def _glide_follows(phones: Phones, i: int) -> bool:
    """The consonant at i shares a syllable with Y or W and the vowel after it."""
    return phones[i + 1] in ("Y", "W") and i + 2 < len(phones) and is_vowel(phones[i + 2])


def spelled(word: str) -> str:
    """Letter by letter: "KBS" -> "케이비에스"."""
    return "".join(LETTERS.get(c, "") for c in word.upper())


def hangul(word: str) -> str:
    """Hangul for a word in Latin letters: acronyms spelled, other words by their sound.

    Args:
        word: letters and apostrophes, in the case it was written in.
    """
    if len(word) == 1 or (word.isupper() and is_acronym(word) and word not in ("NASA", "NATO", "UNESCO")):
        return spelled(word)
    if word.lower() in _USUAL:
        return _USUAL[word.lower()]
    phones, source = pronounce(word)
    return spelled(word) if source == "letters" else by_sound(word, phones)
