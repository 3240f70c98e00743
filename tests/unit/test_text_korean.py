"""Korean normalisation against strings written by hand, num2words and the examples of the Loanword Orthography."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from num2words import num2words

from core.errors import TextError
from core.text import numbers_ko
from core.text.korean import jamo, normalise, pronounce
from core.text.loanwords import hangul

SPOKEN = {
    # counters: native, and Sino-Korean where custom has it
    "사과 3개, 3 개": "사과 세 개, 세 개",
    "20살 학생 21명": "스무 살 학생 스물한 명",
    "차 2대, 책 10권, 1번째, 5번째": "차 두 대, 책 열 권, 첫 번째, 다섯 번째",
    "3개월, 3번 출구, 제1회, 3위": "삼 개월, 삼 번 출구, 제일 회, 삼 위",
    "105마리": "백다섯 마리",
    "자동차 3대 샀어요, 3대 왕": "자동차 세 대 샀어요, 삼 대 왕",
    "한국의 3대 명산, 컴퓨터 2대를": "한국의 삼 대 명산, 컴퓨터 두 대를",
    "20대가 3대째, 트럭 10대": "이십 대가 삼 대째, 트럭 열 대",
    # dates and times
    "3.1절과 3·1 운동": "삼일절과 삼일 운동",
    "6.25 전쟁, 6.25 때, 6.25": "육이오 전쟁, 육이오 때, 육이오",
    "6.25 미터, 평균 6.25가, 3.14": "육 점 이오 미터, 평균 육 점 이오가, 삼 점 일사",
    "8·15 광복, 8·15에, 12.12 사태": "팔일오 광복, 팔일오에, 십이십이 사태",
    "가·나": "가 나",
    "14:00~16:00, 9시~18시": "십사 시에서 십육 시, 아홉 시에서 십팔 시",
    "1/4분기, 1+1 행사, 1/4": "일사분기, 원 플러스 원 행사, 사 분의 일",
    "2021년 3월 4일": "이천이십일 년 삼월 사일",
    "2021-03-04, 2021.3.4.": "이천이십일 년 삼월 사일, 이천이십일 년 삼월 사일",
    "6월 6일, 10월 10일": "유월 육일, 시월 십일",
    "오후 5시 7분": "오후 다섯 시 칠 분",
    "17:30, 5:07": "십칠 시 삼십 분, 다섯 시 칠 분",
    "3시간 15초": "세 시간 십오 초",
    # money, measures, percentages
    "12,345원": "만 이천삼백사십오 원",
    "10만 원, 3천 원, 1억 2천만 원": "십만 원, 삼천 원, 일억 이천만 원",
    "$5와 ₩3,000": "오 달러와 삼천 원",
    "100%, 3.14, 0.5": "백 퍼센트, 삼 점 일사, 영 점 오",
    "-5°C, 5km, 44.1kHz": "영하 오 도, 오 킬로미터, 사십사 점 일 킬로헤르츠",
    # telephones, ranges, fractions, sums
    "010-1234-5678": "공일공, 일이삼사, 오육칠팔",
    "3~5명": "삼에서 오 명",
    "1/2, 3:1": "이 분의 일, 삼 대 일",
    "1+1=2, 2+2=4": "일 더하기 일은 이, 이 더하기 이는 사",
    # letters
    "KBS와 AI, TV": "케이비에스와 에이아이, 티브이",
    "WaveNet을 GPU로": "웨이브넷을 지피유로",
    "R&B와 C++": "알 앤드 비와 시플러스플러스",
    "me@example.com": "엠이 골뱅이 이그잼플 닷 컴",
    "ㅋㅋ ㅠㅠ": "크크 유유",
    "U.S.A.와 Dr. Kim, Wi-Fi와 GPT-4": "유에스에이와 닥터 킴, 와이 파이와 지피티 사",
    "30여 명, 15번, 3번": "삼십여 명, 십오 번, 세 번",
    # what is only cleaned
    "“안녕”  하세요…!": "안녕 하세요...!",
    "첫 줄\n둘째 줄": "첫 줄. 둘째 줄",
    "１２개": "열두 개",
}


@pytest.mark.parametrize("text", SPOKEN)
def test_read_aloud(text: str) -> None:
    assert normalise(text).text == SPOKEN[text]


@given(st.integers(0, 10**16))
@settings(max_examples=300, deadline=None)
def test_numbers_are_num2words(n: int) -> None:
    """num2words says 일만 and spaces otherwise."""
    theirs = num2words(n, lang="ko").replace(" ", "").replace("일만", "만") if n else "영"
    assert numbers_ko.sino(n).replace(" ", "").replace("일만", "만") == theirs


def test_ten_thousand_and_hundred_million() -> None:
    """만 without 일 in front, 일억 with it: how numbers are read."""
    assert [numbers_ko.sino(n) for n in (10_000, 11_111, 10**8, 110_010_000)] == [
        "만", "만 천백십일", "일억", "일억 천일만",
    ]  # fmt: skip


def test_native_numbers() -> None:
    """The counting words as taught, one to ninety-nine."""
    assert [numbers_ko.native(n) for n in (1, 2, 11, 20, 24, 99)] == [
        "하나",
        "둘",
        "열하나",
        "스물",
        "스물넷",
        "아흔아홉",
    ]
    assert [numbers_ko.native(n, before_counter=True) for n in (1, 4, 20, 21, 33)] == [
        "한", "네", "스무", "스물한", "서른세",
    ]  # fmt: skip


# The examples of 외래어 표기법, chapter 3, section 1, whose American sound gives the same Hangul.
LOANWORDS = (
    "gap=갭 cat=캣 book=북 apt=앱트 setback=셋백 act=액트 stamp=스탬프 cape=케이프 nest=네스트 part=파트 desk=데스크 "
    "make=메이크 apple=애플 mattress=매트리스 sickness=시크니스 bulb=벌브 land=랜드 zigzag=지그재그 lobster=로브스터 "
    "jazz=재즈 graph=그래프 olive=올리브 thrill=스릴 bathe=베이드 flash=플래시 shrub=슈러브 shark=샤크 shank=섕크 "
    "fashion=패션 sheriff=셰리프 shopping=쇼핑 shoe=슈 shim=심 vision=비전 keats=키츠 odds=오즈 switch=스위치 "
    "bridge=브리지 chart=차트 virgin=버진 steam=스팀 corn=콘 ring=링 lamp=램프 hint=힌트 ink=잉크 hanging=행잉 "
    "longing=롱잉 hotel=호텔 pulp=펄프 slide=슬라이드 film=필름 helm=헬름 hamlet=햄릿 henley=헨리 team=팀 route=루트 "
    "time=타임 house=하우스 skate=스케이트 oil=오일 boat=보트 tower=타워 word=워드 want=원트 woe=워 wag=왜그 "
    "west=웨스트 witch=위치 wool=울 swing=스윙 twist=트위스트 quarter=쿼터 yard=야드 yank=얭크 yearn=연 yellow=옐로 "
    "yawn=욘 you=유 year=이어 indian=인디언 union=유니언"
)


@pytest.mark.parametrize("pair", LOANWORDS.split())
def test_loanwords_as_in_the_orthography(pair: str) -> None:
    word, expected = pair.split("=")
    assert hangul(word) == expected


# The dictionary and the loanword lists of the National Institute of Korean Language (국립국어원).
EVERYDAY = (
    "machine=머신 pizza=피자 chicken=치킨 supermarket=슈퍼마켓 market=마켓 restaurant=레스토랑 tomato=토마토 "
    "orange=오렌지 lemon=레몬 audio=오디오 studio=스튜디오 message=메시지 apartment=아파트 elevator=엘리베이터 "
    "shirt=셔츠 image=이미지 Christmas=크리스마스 vitamin=비타민 mask=마스크 plastic=플라스틱 marathon=마라톤 "
    "club=클럽 idol=아이돌 academy=아카데미 digital=디지털 analog=아날로그 business=비즈니스 manager=매니저 "
    "channel=채널 opera=오페라 rhythm=리듬 buffet=뷔페 conference=콘퍼런스 documentary=다큐멘터리 gas=가스 "
    "helmet=헬멧 outlet=아웃렛 royalty=로열티 sausage=소시지 ticket=티켓 diamond=다이아몬드 Africa=아프리카 "
    "Tokyo=도쿄 Beethoven=베토벤 waltz=왈츠"
)


@pytest.mark.parametrize("pair", EVERYDAY.split())
def test_everyday_words_as_the_institute_writes_them(pair: str) -> None:
    word, expected = pair.split("=")
    assert hangul(word) == expected


def test_tacotron_comes_by_its_phones() -> None:
    assert hangul("Tacotron") == "태코트론" and hangul("computer") == "컴퓨터" and hangul("Google") == "구글"


def test_spans_lead_back_to_the_text() -> None:
    text = "오후 5시 😀 KBS!"
    got = normalise(text)
    assert len(got.text) == len(got.spans) and got.dropped == (("😀", (6, 7)),)
    where = {c: text[slice(*span)] for c, span in zip(got.text, got.spans)}
    assert where["다"] == where["섯"] == "5" and where["케"] == where["스"] == "KBS" and where["시"] == "시"


def test_decomposed_hangul_is_composed() -> None:
    """As macOS writes file names."""
    text = unicodedata.normalize("NFD", "값 3개")
    got = normalise(text)
    assert got.text == "값 세 개" and text[slice(*got.spans[0])] == unicodedata.normalize("NFD", "값")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing to say: type"),
        ("?!…", "nothing to say in"),
        ("😀", "nothing to say in"),
        ("가" * 601, "601 characters"),
        ("漢字를", "“漢字를” is in Chinese characters: write it in Hangul"),
        ("привет", "another script"),
        ("ありがとう", "another script"),
    ],
)
def test_bad_texts_say_how_to_mend_them(text: str, message: str) -> None:
    with pytest.raises(TextError, match=message):
        normalise(text)


def test_whole_sentences_as_spoken() -> None:
    """From the lecture, and one for each kind of change; written by hand."""
    expected = {
        "안녕하세요? 만나게 돼서 모두 반갑습니다.": "안녕하세요? 만나게 돼서 모두 반갑씀니다.",
        "국물이 좋아요.": "궁무리 조아요.",
        "할 수 있을 거야.": "할 쑤 이쓸 꺼야.",
        "신라의 달밤, 같이 굳히자.": "실라의 달밤, 가치 구치자.",
        "서울역에서 강남역까지": "서울려게서 강남녁까지",
        "10시에 16층": "열 씨에 심뉵 층",
    }
    assert {text: pronounce(text) for text in expected} == expected


def test_jamo_are_unicodes() -> None:
    assert jamo("한 A") == [("\u1112", 0), ("\u1161", 0), ("\u11ab", 0), (" ", 1), ("A", 2)]


@given(st.text(st.sampled_from("가값을3개일월시분원,.?!-~:/ABab%$ㅋ\n 😀하합녛"), max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_said_or_refused(text: str) -> None:
    try:
        got = normalise(text)
    except TextError:
        return
    spoken = pronounce(text)
    assert len(spoken) == len(got.text) == len(got.spans)
    assert all("가" <= c <= "힣" or c in "!'(),-.:;? " for c in spoken)
    assert all(0 <= a < b <= len(text) for a, b in got.spans)
