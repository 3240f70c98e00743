"""Korean words whose sound depends on what they are made of: written anew, syllable by syllable, before the rules.

꽃잎 is two words, 꽃 and 잎, so an ㄴ comes between them (article 29): 꽃닢, from which the rules make 꼰닙. No
rule can see this in the letters; a list can, for the words in it. Longer lists make better speech: add yours.

Known limits: across words an ㄴ comes where the standard's examples have it (한 일, 옷 입다, 잘 입다, 먹은 엿, 삼 연대)
and after 못, not in 한국 여행 or 안 입어, where speakers differ; compounds outside the lists are linked as one word.
"""

from __future__ import annotations

import re

from core.text.tensing_ko import ADNOMINAL, FUTURE, place, respell_tense

# Article 29: an ㄴ before 이, 야, 여, 요, 유 of a second word.
_N_ADDED = (
    "솜이불=솜니불 홑이불=홑니불 막일=막닐 삯일=삯닐 맨입=맨닙 꽃잎=꽃닢 내복약=내복냑 한여름=한녀름 "
    "남존여비=남존녀비 신여성=신녀성 색연필=색년필 직행열차=직행녈차 늑막염=늑막념 콩엿=콩녓 담요=담뇨 "
    "눈요기=눈뇨기 식용유=식용뉴 국민윤리=국민뉸리 밤윷=밤늋 이죽이죽=이죽니죽 검열=검녈 "
    "욜랑욜랑=욜랑뇰랑 금융=금늉 들일=들닐 솔잎=솔닢 설익=설닉 물약=물냑 불여우=불녀우 서울역=서울녁 물엿=물녓 "
    "휘발유=휘발뉴 유들유들=유들뉴들 깻잎=깻닢 나뭇잎=나뭇닢 베갯잇=베갯닛 도리깻열=도리깻녈 뒷윷=뒷늋 댓잎=댓닢 "
    "배춧잎=배춧닢 풀잎=풀닢 뒷일=뒷닐 앞일=앞닐 집안일=집안닐 밭일=밭닐 웬일=웬닐 별일=별닐 두통약=두통냑 "
    "알약=알냑 안약=안냑 부엌일=부엌닐 옛일=옛닐 "
    "개인용=개인뇽 성인용=성인뇽 소독약=소독냑 구급약=구급냑 관절염=관절념 결막염=결막념 장염=장념 방광염=방광념 "
    "신혼여행=신혼녀행 수학여행=수학녀행 배낭여행=배낭녀행 옛이야기=옛니야기 옛날이야기=옛날니야기 꽃이름=꽃니름 "
    "첫여름=첫녀름 늦여름=늦녀름 "
    "생이별=생니별 옷입=옷닙"
)
# Article 15: before a word with ㅏ, ㅓ, ㅗ, ㅜ, ㅟ only one of the seven sounds moves over.
_CLOSED_FIRST = (
    "겉옷=걷옷 헛웃음=헏웃음 맛없=맏없 멋없=먿없 젖어미=젇어미 값어치=갑어치 값있=갑있 넋없=넉없 첫인상=첟인상 "
    "옷안=옫안 꽃위=꼳위 밭아래=받아래 웃어른=욷어른 윗옷=윋옷 덧옷=덛옷 헛일=헏닐 못오=몯오 못와=몯와 못알=몯알 "
    "못없=몯없 첫인사=첟인사 첫아이=첟아이 첫아들=첟아들 끝인사=끋인사 곧이어=고디어 낱알=낟알 팥알=팓알 홑옷=혿옷"
)
# Article 16: the names of the letters.
_LETTER_NAMES = "디귿=디긋 지읒=지읏 치읓=치읏 키읔=키윽 티읕=티읏 피읖=피읍 히읗=히읏"
# Article 20: ㄴㄴ, not ㄹㄹ, where a word in ㄴ has one more syllable from Chinese: 생산+량. 대관령 is one word.
_NN = "이원론=이원논 입원료=입원뇨 공권력=공꿘녁 결단력=결딴녁 구근류=구근뉴 신문로=신문노 원룸=원눔"
_ONE_MORE = re.compile("(?<=[가-힣][가-힣])[량력란로론료령례]")
_WITH_LL = frozenset(
    "대관령 권력 전력 인력 완력 근력 혼란 분란 산란 반란 곤란 논란 진료 연료 만료 원료 관료 안료 연령 신령 "
    "전령 본령 근로 진로 선로 언론 본론 원론 전례 관례 판례 전량 분량".split()
)
# Article 17: 맏형 is no form of a verb like 닫혀, so its ㄷ and ㅎ are ㅌ.
_NOT_A_VERB = "맏형=마텽"
# Article 29, where the letters tell.
_SIX = re.compile("(?<=[십백천만])육")
_FOR_USE = re.compile("(?<=[가-힣][가-힣])용(?=$|[ .,!?]|으|이|인|은|을|의|도)")  # 교육용
_NOT_FOR_USE = frozenset("활적전통복인신상실징등공남악겸작관범군착준혼원임응운진중")  # 재활용 is 활용, not 재활 for use
_NUMBER_SIX_EIGHT = re.compile("(?<=[열물른흔쉰순든])여(?=[섯덟])")
_STATION = re.compile("(?<=[가-힣][가-힣])역(?=$|[ .,!?]|에|으|은|을|이|까|부|앞)")
_NO_STATION = frozenset("통번면방병현직단악반전권광용음")  # 동시통역, 수도권역
_NO_NUMBER = "(?! (?:년|월|일|분|초|주|층|등|번|점|도|킬로|미터|퍼센트))"  # 한 일 년
_NEW_WORD = re.compile(
    f"(?:(?:{FUTURE}|{ADNOMINAL}) (?=일{_NO_NUMBER}(?:$|[ .,!?]|[이을은도만에로과까]|입니다|하[는고다]))"
    "|못 (?=입|읽|익|잊|일어|이[기긴길겨겼루룰뤄뤘]|열[다지고어었]|여[는니])|잘 (?=입|읽|익[은고어었는]|잊)"
    "|(?:옷|[가-힣]복|정장) (?=입[고다어었은는을지던히혀힌])|[은을] (?=엿(?:$|[ .,!?]|[을이은도]))"
    "|(?:^|(?<= ))[일이삼사오육칠팔구십백]*[일삼육칠팔십] (?=연대(?!기)))"
)
_WITH_N = {written: chr(ord(written) - 9 * 588) for written in "일입읽익잊이열여엿연"}  # ㅇ to ㄴ


def _table(*lists: str) -> dict[str, str]:
    pairs = (pair.split("=") for words in lists for pair in words.split())
    return {written: said for written, said in pairs if written != said}


_WORDS = _table(_N_ADDED, _CLOSED_FIRST, _NN, _NOT_A_VERB)
_WORD = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))
_NAMES = _table(_LETTER_NAMES)
_NAME = re.compile("(" + "|".join(_NAMES) + ")(?=[이을은에])")


def _closed(character: str) -> bool:
    return "가" <= character <= "힣" and (ord(character) - 0xAC00) % 28 > 0


def _n_added(text: str) -> dict[int, str]:
    """Article 29: place and new syllable."""
    found = {m.start(): "뉵" for m in _SIX.finditer(text)} | {m.start(): "녀" for m in _NUMBER_SIX_EIGHT.finditer(text)}
    found |= {m.end(): _WITH_N[text[m.end()]] for m in _NEW_WORD.finditer(text)}
    for rule, but, said in ((_FOR_USE, _NOT_FOR_USE, "뇽"), (_STATION, _NO_STATION, "녁")):
        for m in rule.finditer(text):
            before = text[m.start() - 1]
            if _closed(before) and (before not in but or text[m.start() - 2 : m.end()] == "대전역"):
                found[m.start()] = said
    return found


def _nn(text: str) -> dict[int, str]:
    """Article 20, second half: place and new syllable."""
    found = {}
    for m in _ONE_MORE.finditer(text):
        at = m.start()
        word = text[at - place(text, at) : at + 1]
        in_n = (ord(text[at - 1]) - 0xAC00) % 28 == 4
        if in_n and not word.endswith(tuple(_WITH_LL)):
            found[at] = chr(ord(m[0]) - 3 * 588)  # ㄹ to ㄴ
    return found


def respell(text: str) -> str:
    """The text with every word as it is heard in its parts; the number of characters stays.

    Args:
        text: Hangul with spaces and punctuation.
    """
    out = dict(enumerate(respell_tense(text))) | _nn(text) | _n_added(text)
    for pattern, said in ((_WORD, _WORDS), (_NAME, _NAMES)):
        for m in pattern.finditer(text):
            inside = len(m[0]) == 2 and place(text, m.start()) == 1 or m[0] == "들일" and place(text, m.start())
            if not inside:
                out |= {i: new for i, (old, new) in enumerate(zip(m[0], said[m[0]]), m.start()) if old != new}
    return "".join(out.values())
