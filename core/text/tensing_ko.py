"""Where a plain consonant of Korean is said tense though its letters do not show it: articles 24 and 26 to 28.

What decides is what a word is made of: a verb stem and its ending (24), two Chinese characters (26), a verb before
a noun (27), two nouns (28). Rules where the letters tell, lists where they do not.

Known limits: 안다 "embraces" [안따] is read as 안다 "knows" [안다], and 감지, 참고, 신고, 심지 as the nouns where
nothing beside them tells of a verb; words from Chinese longer than two syllables are joined without a tense sound
when their first part ends in ㄹ and is in _NOUNS_IN_L (생일 선물, 건설사), with it when it is not.
"""

from __future__ import annotations

import re

# Article 26: words from Chinese in which ㄷ, ㅅ, ㅈ after ㄹ are tense, by their first and second syllable: 결정.
# Pairs, not all products: 물지 and 알자 are mostly forms of verbs, and 알제(리), 불도(저) come from elsewhere.
_CHINESE = {pair[0]: pair[1:] for pair in (
    "갈등색증수 걸작 결단사산선석성속손승식실심재전절점정제집 골동수자재절조 굴절지 길조 달성 돌진 "
    "말단살석세소 멸살시종 몰두살상수지 물산색성자적정증질 밀담도사서수실접정집 "
    "발단달동사산상색생설성송신작전정족주진 벌점 별당세수장점정종 불당사상성소손순시식신심 살상생수신 "
    "설득사산상전정 솔선직 술수 실사상선성세소속손수습시신장재적전점정제조족존종증지직질 알선 "
    "열대등사성세심정중 울산상적 월동세 율동 일단당대동등사산상색생석선손수순시식신심자장전절정제조종주지직진 "
    "절단대도삭상세손수식실전정제 졸도속작전지 질산서소시식적주 철도사석선수심자재저제조 "
    "출동두사산생석세소시신자장전정제중 칠석성순십 탈당색선세속수장주지진 팔당도순십자 필독두사수승시자적지 "
    "할당증 혈당색서세전족중 홀대수 활동성자주"
).split()}  # fmt: skip
_PAIR = re.compile("|".join(f"{first}(?=[{''.join(seconds)}])" for first, seconds in _CHINESE.items()))
# Native words and words from elsewhere that begin like one of those pairs; and 열대여섯, 15 or 16.
_NOT_CHINESE = re.compile("불사[르른를릅]|발사믹|열대여섯|물산책|일산화|별점심")
# Nouns in ㄹ: what follows them is another word, 생일+선물. Only -적 and -성 are tense after the Chinese ones.
_NOUNS_IN_L = frozenset(
    "기술 예술 미술 수술 진술 마술 학술 무술 의술 상술 서술 건물 식물 동물 인물 사물 생물 선물 보물 유물 작물 "
    "물물 괴물 품질 물질 본질 성질 자질 수질 체질 재질 저질 이질 악질 변질 토질 성실 사실 현실 교실 거실 진실 "
    "과실 확실 상실 부실 손실 절실 침실 장실 무실 내실 병실 왕실 충실 착실 구실 결실 입실 퇴실 건설 소설 개설 "
    "시설 해설 연설 학설 전설 신설 가설 사설 증설 역설 생일 매일 휴일 요일 평일 내일 파일 과일 독일 유일 동일 "
    "통일 제일 기일 종일 당일 전일 금일 연일 일일 계절 친절 거절 좌절 시절 조절 관절 예절 적절 명절 사절 굴절 "
    "골절 수출 지출 진출 제출 배출 노출 대출 외출 유출 호출 도출 표출 연출 매출 탈출 창출 가출 산출 선출 추출 "
    "돌출 방출 누출 개발 출발 폭발 유발 신발 가발 자발 도발 계발 이발 고발 적발 선발 남발 활발 후발 특별 개별 "
    "이별 차별 구별 성별 선별 판별 고별 송별 작별 생활 부활 재활 원활 사활 비밀 정밀 세밀 은밀 치밀 기밀 긴밀 "
    "친밀 자살 학살 암살 피살 경찰 관찰 검찰 성찰 지하철 하철 고철 강철 비탈 약탈 이탈 박탈 일탈 허탈 해탈 "
    "연필 집필 수필 분필 역할 분할 관할 확률 비율 효율 환율 법률 규율 자율 조율 우월 초월 연결 해결 대결 단결 "
    "종결 판결 체결 청결 완결 우열 진열 나열 배열 계열 대열 발열 나팔 처벌 형벌 학벌 재벌 파벌 고갈 서울 겨울 "
    "거울 저울 우울 침몰 몰입 전달 배달 통달 도달 조달 미달 발달 충돌 정말 결말 주말 연말 기말 분말 양말 "
    "거짓말 파멸 소멸 전멸 환멸".split()
)  # fmt: skip
_NATIVE_IN_L = frozenset("서울 겨울 거울 저울 신발 나팔 양말 정말 파일 내일".split())
_PREFIXES = frozenset("재미무비총고저불급맹과신선후준반")  # 재발견, 무질서, 고밀도
_CHINESE_SUFFIX = re.compile(
    "(?<=[가-힣][가-힣])(?:적(?=$|[ .,!?]|인|이[고며었라자지다]|으로)|성(?=$|[ .,!?]|[이을은과에도의]))"
)
_LAW = re.compile("(?<=[가-힣][가-힣])법(?=$|[ .,!?]|[이을은과에도의대]|으로)")  # 맞춤법, 사용법; not 새 방법
_NOT_LAW = frozenset("방마불위적합탈사수편비요")

# Articles 26 and 28, and custom: ' stands before what is tense.
_TENSED = (
    "불'세출 줄넘'기 싫'증 특별'시 경찰'서 사실'상 확실'시 출발'선 출발'점 해결'사 진열'장 진열'대 사절'단 "
    "수술'대 열'도 결'재 별'도로 별'도의 을'지로 을'지문덕 을'사조약 을'사늑약 아열'대 백열'등 삼일'절 "
    "삼팔'선 부활'절 실'생활 다혈'질 법'질'서 시발'점 월'수입 직할'시 파출'소 이발'소 제철'소 발'자국 발'자취 "
    "열'쇠 "
    # compounds of native words
    "물'동이 문'고리 눈'동자 신'바람 산'새 손'재주 말'재주 길'가 발'바닥 손'바닥 방'바닥 땅'바닥 길'바닥 "
    "굴'속 산'속 물'속 꿈'속 몸'속 마음'속 가슴'속 술'잔 술'집 빵'집 벌'집 칼'집 물'집 몸'집 술'자리 일'자리 "
    "잠'자리 술'병 물'병 눈'병 술'값 땅'값 방'값 몸'값 쌀'값 바람'결 물'결 숨'결 살'결 잠'결 그믐'달 초승'달 "
    "보름'달 아침'밥 김'밥 비빔'밥 아침'잠 겨울'잠 밤'잠 여름'밤 겨울'밤 가을'밤 오늘'밤 강'가 창'가 눈'가 "
    "등'불 산'불 들'불 창'살 햇'살 물'살 강'줄기 물'줄기 눈'사람 손'가락 발'가락 물'고기 밀'가루 안'방 봄'비 "
    "가을'비 겨울'비 밤'비 산'길 물'길 들'길 밤'길 눈'길 손'길 발'길 갈림'길 길'거리 밤'거리 용'돈 손'등 "
    "별'빛 불'빛 달'빛 "
    "눈'빛 손'수건 물'수건 신발'장 물'방울 강'바람 봄'바람 말'버릇 잠'버릇 술'버릇 종'소리 발'소리 말'소리 "
    "물'소리 총'소리 별'소리 울음'소리 웃음'소리 손'짓 눈'짓 몸'짓 물'감 일'감 장난'감 일'손 달'동네 말'동무 "
    "칼국'수 갈'대 올'겨울 올'가을 볼'거리 먹을'거리 쓸'데없 땔'감 "
    # words from Chinese, by custom
    "글'자 문'자 한'자 점'자 인'기 여'권 정'권 인'권 주'권 조'건 사'건 안'건 여'건 문'건 용'건 평'가 물'가 "
    "대'가를 대'가로 원'가 정'가 주'가 유'가 단'가 성'격 인'격 헌'법 문'법 민'법 형'법 상'법 내'과 외'과 치'과 안'과 "
    "성'과 장'점 단'점 문제'점 초'점 관'점 시'점 허'점 이'점 공통'점 차이'점 가능'성 필요'성 "
    "중요'성 다양'성 안전'성 안정'성 인간'성 점'수 함'수 분'수 변'수 상'수 횟'수 갯'수 만'점 소수'점 문'구 "
    "통'증 염'증 불면'증 우울'증 건망'증 후유'증 궁금'증 합병'증 신분'증 학생'증 면허'증 "
    # no tense sound in these, though one of the words above is in them

    "대가족 한자리 상수리 상수도 대가리 정가운데 주'가지수 성'과급 분수대 인기척 유가족 유'가증'권 주가되"
)

# Article 24: verb stems in ㄴ, ㅁ before endings. Only forms that are no other word.
_ENDING = (
    "다(?![른르])|지(?= |$|[만요도는를])|습[니디]|던|더[라니]|게(?= |$|[요만끔도])|거[나든]|고(?= |$|[요서는도])|도록|"
    "든[지가]"
)
_START = "(?<![가-힣])"
_STEMS = re.compile(
    f"(?:(?:{_START}|(?<=[아어여워])|(?<=퍼))(?:남|담|넘|품)|[껴끌어싸]안|(?:더|다|보)듬|머금)(?={_ENDING})"
    f"|(?:{_START}|(?<=[려눈서]))감(?=다(?![른르])|습|던|더[라니]|거나|고(?= |$|[요서]))"
    f"|{_START}(?:참|숨)(?=다[ .,!?가는]|다$|습|던|더니|거나|도록)|{_START}참(?=지(?= |만|도|는|$))"
    f"|{_START}(?:참|숨)(?=고 (?:있|견|살|기다|넘|지내|싶))"
    f"|{_START}심(?=다(?= |$|가)|습|던|거나|고(?= |$|서)|지 (?:않|못|마|말))"
    f"|{_START}신(?=다(?= |$|가|니)|습니|던|거나|지 (?:않|못|마|말))"
    "|(?<=[발두화말츠퍼들신발을를] )신(?=고(?= |$|[서는])|지(?= ))"
    f"|{_START}신(?=고 (?:있|다[니녀녔닌닐]|나[가갔간와왔]|갔|간다|가[서야면]|왔|온다|와서|뛰|달[렸리]|걷|걸어|싶|춤))"
    f"|{_START}안(?=고(?= |$|서)|습니|던|거나|더[라니])"
    f"|{_START}검(?=다(?= |$|는)|고(?= |$)|습니|던|게(?= |$))"
    f"|(?:{_START}|(?<=일))삼(?=다(?![수도])|습|던|고(?!초)|거나|게(?= )|지 (?:않|못|마|말))"
)

# Article 27: the future -(으)ㄹ of verbs. Before a noun that cannot stand alone every word in ㄹ is taken for one,
# if it is no noun that we know: 할 수, not 오늘 수도.
_BOUND = re.compile(
    "(?<=[가-힣]) (것|거|게|건|걸|겁|수|데|바|줄|적|듯|지|성싶)"
    "(?=이|을|은|도|들|과|만|으|에|로|가|는|를|야|예|라|니|고|요|죠|하|한|했|할|해|밖|록|조|[ .,!?]|$)"
)
_NO_VERB_IN_L = re.compile(
    "말|물|길|별|달|날|발|술|글|칼|팔|돌|늘|덜|잘|절|굴|꿀|풀|쌀|뿔|벌|들|솔|실|콜|딸|꼴|털|골|"
    ".*(?:말|(?<!머)물|늘|굴|슬|골|글|마을|가을|노을|고을|(?<![만힘잠흔떠어며])들|를)"
)
_L_AND_VOWEL = f"(?:{_START}(?:모|다|빠|흐|오|고)|서두|머무|저지|떠오|타오|따)를"
# Before any other noun only words that can be nothing but such a form: by their last syllables.
_TAKES_EU = (
    "(?:[있없먹읽받찾좋같않싶많얻앉믿씻낳놓넣쌓잊맞늦높깊닫었았했겠였됐났갔왔봤줬렸졌녔썼켰쳤냈섰샀랐꼈뒀]"
    f"|{_START}[작들걸웃잡죽])"  # not 사람들을, 시작을, 이웃을
)
FUTURE = "(?:" + "|".join((
    f"{_TAKES_EU}을",
    _L_AND_VOWEL,
    "(?<![역분관])할|될|뀔|쉴|뛸|낄|쓸|(?<!스)킬|(?<=[가-힣])(?<!스)릴",  # not 역할, 스킬, 스릴
    f"(?:{_START}|(?<=[아어여려해와봐펴돌라가]))볼|(?<![젓자재공고발])갈|[아어여해려]줄",  # not 젓갈, 자갈
    f"(?:{_START}|(?<=[나어아여려라]))올(?! (?:시즌|봄|가을|겨울|상반))",  # not "this year"
    "(?<=[을를] )[살팔줄풀걸밀빌틀]",  # 물건을 살 돈
    "[만떠어끝타지아긋러빛혼]날|[가던빠터만아어여워려라녀켜]질",
    "[르마고망미외다지딪놓그합펼헤우훔닥]칠|나눌|[맞춤낮갖멈감]출",
    "[배세채키피싸지비태깨외재도까려다추쉬고러]울|[즐무뜨차]거울",  # not 서울, 거울
    "(?:(?<!지)하|가|오|보|계|되|마|으|드|아|쓰|주무)실(?<!정보실)",  # not 지하실
    "[생이즐남옮맡숨챙당넘벗웃안앗섬]길|[보쓰먹줄높죽붙울모쌓놓끓녹]일|[만힘잠흔]들",
)) + ")"  # fmt: skip
_BEFORE_NOUN = re.compile(f"{FUTURE} (?=[가-깋다-딯바-빟사-싷자-짛])")
ADNOMINAL = (
    f"(?:{_TAKES_EU}은|[하있없되르쓰받먹]는|(?:{_START}|(?<=[나아어해려]))[가오보]는"
    "|[가-힣]한|(?:^|(?<= ))한|된|큰|[가-힣]운|무슨|어떤|그런|이런|저런|다른|모든|힘든|만든|지난|옛)"
)
_ENDINGS = re.compile(
    "(?<=[가-힣])(게요|걸요|수록|지라도|지언정|진대|세라|지도 모|성싶)|(?<=[할갈볼줄올을될낼])(게|걸)(?![가-힣])"
    "|(?<=[할갈볼될줄])밖에"
)
_TEN_COUNTER = re.compile("(?<=열 )[개시살장잔번대달벌점]")


def _tail(character: str) -> int:
    """The closing consonant of a syllable as a number: 0 none, 4 ㄴ, 8 ㄹ, 21 ㅇ; -1 for what is no syllable."""
    return (ord(character) - 0xAC00) % 28 if len(character) == 1 and "가" <= character <= "힣" else -1


def tense(syllable: str) -> str:
    """가 -> 까, and so 다, 바, 사, 자: the tense consonant comes after the plain one in Unicode. Others stay."""
    plain = "가" <= syllable <= "힣" and (ord(syllable) - 0xAC00) // 588 in (0, 3, 7, 9, 12)
    return chr(ord(syllable) + 588) if plain else syllable


def _said(word: str) -> str:
    """What is after ' is tense: 술'집 -> 술찝."""
    return re.sub("'(.)", lambda m: tense(m[1]), word)


_WORDS = {word.replace("'", ""): _said(word) for word in _TENSED.split()}
_WORD = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))


def place(text: str, at: int) -> int:
    """How many syllables stand before `at` in its word."""
    return at - text.rfind(" ", 0, at) - 1


def _listed(m: re.Match[str]) -> str:
    """Words of two syllables at the beginning, or after two others: 방문자 is not 문자, 영어문법 is 문법."""
    return m[0] if len(m[0]) == 2 and place(m.string, m.start()) == 1 else _WORDS[m[0]]


def _chinese(text: str) -> set[int]:
    """Article 26: the places of the syllables that are tense after the ㄹ of a word from Chinese."""
    found = set()
    for m in _PAIR.finditer(text):
        at, word = m.start(), text[m.start() :]
        inside = place(text, at)
        other = inside == 1 and text[at - 1] not in _PREFIXES
        joined = inside > 0 and (other or text[at - 1 : at + 1] in _NOUNS_IN_L)
        always = text[at : at + 2] in ("칠십", "팔십", "갈색")  # 백칠십, 적갈색
        if always or not (joined or _NOT_CHINESE.match(word)):
            found.add(at + 1)
    for m in _CHINESE_SUFFIX.finditer(text):
        noun = text[m.start() - 2 : m.start()]
        if _tail(noun[1]) == 8 and (m[0][0] == "적" or noun in _NOUNS_IN_L) and noun not in _NATIVE_IN_L:
            found.add(m.start())
    return found | {m.start() for m in _LAW.finditer(text) if text[m.start() - 1] not in _NOT_LAW}


def _after_l(m: re.Match[str]) -> int | None:
    """Article 27: the place that is tense, when a verb in -(으)ㄹ stands before it."""
    word = m.string[: m.start()].rpartition(" ")[2]
    verb = re.fullmatch(f".*{_L_AND_VOWEL}", word)
    noun = not verb and (_NO_VERB_IN_L.fullmatch(word) or word[-2:] in _NOUNS_IN_L)
    if _tail(word[-1:]) != 8 or noun or (word[-1] == "을" and not re.search(f"{_TAKES_EU}을$", word)):
        return None
    return m.start() + (m[0][0] == " ")


def respell_tense(text: str) -> str:
    """The text with every syllable that is tense for what its word is made of written so: 결정 -> 결쩡.

    신고 and the like: a verb where footwear or 있다, 다니다, 가다 stands beside it, else the noun.

    Args:
        text: Hangul with spaces and punctuation.
    """
    places = _chinese(text)
    places |= {m.end() for m in _STEMS.finditer(text)}
    places |= {at for rule in (_BOUND, _ENDINGS) for m in rule.finditer(text) if (at := _after_l(m)) is not None}
    places |= {m.end() for m in _BEFORE_NOUN.finditer(text)}
    places |= {m.start() for m in _TEN_COUNTER.finditer(text)}
    listed = _WORD.sub(_listed, text)
    return "".join(tense(c) if i in places else c for i, c in enumerate(listed))
