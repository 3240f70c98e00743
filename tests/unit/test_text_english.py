"""The English front end against strings written by hand, num2words, CMUdict and an edit distance."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from num2words import num2words

from core.errors import TextError
from core.text import espeak, numbers_en, phones
from core.text.characters import MAX_CHARACTERS
from core.text.english import dropped, syllables, words


def said(text: str) -> str:
    """Words and breaks; what is spelled is in capitals."""
    return " ".join(
        (w.text.upper() if w.source == "letters" else w.text) + w.break_after for w in words(text)
    ).strip()


SPOKEN = {
    "I paid $1,234.56 on 3/4/2021 at 5:07pm, Dr. O'Neil!": (
        "i paid one thousand two hundred thirty four dollars and fifty six cents on march fourth twenty twenty one "
        "at five oh seven P M, doctor o'neil!"
    ),
    # numbers
    "007, 1,000,000 and 3.14.": "zero zero seven, one million and three point one four.",
    "1st 22nd 100th": "first twenty second one hundredth",
    "-5 and 0.5, .5": "minus five and zero point five, point five",
    "1/2 cup, 3/4, 2 1/2, 1½, 2-½, 24/7": (
        "one half cup, three quarters, two and a half, one and a half, two and a half, twenty four seven"
    ),
    "pages 3-5, 1990–1995": "pages three to five, nineteen ninety to nineteen ninety five",
    "version 1.2.3": "version one point two point three",
    "10:1": "ten to one",
    # years
    "In 1905, 1900 and 2007": "in nineteen oh five, nineteen hundred and two thousand seven",
    "1990s, the '80s": "nineteen nineties, the eighties",
    "1024 samples": "one thousand twenty four samples",
    # dates and times
    "March 4th, 2021": "march fourth, twenty twenty one",
    "2021-03-04": "march fourth twenty twenty one",
    "4 March 2021": "the fourth of march, twenty twenty one",
    "25/12/2020": "december twenty fifth twenty twenty",
    "Jan. 5": "january fifth",
    "17:30, 5:00, 5:00 a.m., 5pm. Then": "seventeen thirty, five o'clock, five A M, five P M. then",
    # money, percentages, units
    "€5, £3m, 50¢, $1, $0.99": "five euros, three million pounds, fifty cents, one dollar, ninety nine cents",
    "$1.5 million or 5 USD": "one point five million dollars or five dollars",
    "£1.01": "one pound and one penny",
    "20% of -3.5%": "twenty percent of minus three point five percent",
    "5 km, 1 kg, 20 °C, 60mph, 44.1 kHz": (
        "five kilometers, one kilogram, twenty degrees celsius, sixty miles per hour, forty four point one kilo hertz"
    ),
    "5'10\", 6 ft, 100 m²": "five foot ten, six feet, one hundred square meters",
    # abbreviations and acronyms
    "Mr. and Mrs. Smith of Elm St. met St. Paul.": "mister and missus smith of elm street met saint paul.",
    "e.g. No. 5 vs. No. 6, etc.": "for example number five versus number six, et cetera.",
    "NASA, the FBI, the U.S. and LSTMs": "nasa, the fbi, the U S and LSTMS",
    "J. S. Bach, Henry VIII, World War II": "J S bach, henry the eighth, world war two",
    "HELLO WORLD": "hello world",
    "GPT-4, MP3, H2O": "GPT four, MP three, H two o",
    # signs, addresses, quotes, hyphens
    "R & B @ 3+4=7 #5 #fun": "R and B at three plus four equals seven number five hashtag fun",
    "bob@example.com": "bob at example dot com",
    "https://www.example.com/a": "W W W dot example dot com slash A",
    "Call 555-123-4567": "call five five five, one two three, four five six seven",
    "“It’s” well-known… really?!": "it's well known. really?",
    "one — two (three) four": "one- two, three, four",
    "ＡＢＣ １２": "abc twelve",
    "μ-law": "mu law",
    # found by reading: possessives of initials, dates after an article, sums, files, units with a full stop
    "the U.K.'s, the 5th of Nov., 1605": "the U k's, the fifth of november, sixteen oh five",
    "10 - 3 = 7, a 50/50 chance": "ten minus three equals seven, a fifty fifty chance",
    "Rock 'n' roll in file.txt": "rock and roll in file dot TXT",
    "25 ft. tall, $1M–$2M, 5 cents/minute": (
        "twenty five feet tall, one million dollars to two million dollars, five cents per minute"
    ),
    "In 1066 a batch of 2048 samples": "in ten sixty six a batch of two thousand forty eight samples",
    "***wow*** 3*4": "wow three times four",
    # where sentences end
    "He left. A dog came. One - A cat.": "he left. a dog came. one- a cat.",
    "Vitamin A. Then type A, B-A, one-of-a-kind": "vitamin A. then type A, B A, one of a kind",
    "The U.S. Army and U.K. troops; J.R.R. Tolkien": "the U S army and U K troops; J R R tolkien",
    "She lives in the U.S. The president spoke.": "she lives in the U S. the president spoke.",
    "At 10 a.m. Tuesday, 5 p.m. EST. At 6 p.m. John left.": (
        "at ten A M tuesday, five P M E S T. at six P M john left."
    ),
    "We met at 10 a.m. The end": "we met at ten A M. the end",
    "George W. Bush had plan B. Then he left.": "george W bush had plan B. then he left.",
    "I have a Ph.D. He has none.": "i have a P H D. he has none.",
    # plurals that are no seconds
    "MP3s, F-16s, the 747s; mid-90s": "M P threes, F sixteens, the seven forty sevens; mid nineties",
    "COVID-19's": "covid nineteen's",
    "100s of users, a 10s delay, 5s, in her 20s": (
        "hundreds of users, a ten second delay, five seconds, in her twenties"
    ),
    # ranges
    "$5-10, €3–4 million, $5-$10": "five to ten dollars, three to four million euros, five dollars to ten dollars",
    "9am-5pm, 9:00-17:00, 9-11am": "nine A M to five P M, nine o'clock to seventeen hundred, nine to eleven A M",
    "5%-10%, 20°C-25°C, 5-10 kg": (
        "five percent to ten percent, twenty degrees celsius to twenty five degrees celsius, five to ten kilograms"
    ),
    "Mon-Sat, Mon.-Fri., Jan. 5-7": "monday to saturday, monday to friday, january fifth to seventh",
    "the 18th-19th century, 1st – 3rd grade, March 18th-19th, 2021": (
        "the eighteenth to nineteenth century, first to third grade, march eighteenth to nineteenth, twenty twenty one"
    ),
    # sums before a noun
    "a $20 bill, a $5 million deal, a $3 tea": "a twenty dollar bill, a five million dollar deal, a three dollar tea",
    "the $20 he owes, $20 for it": "the twenty dollars he owes, twenty dollars for it",
    "a $1.50 coffee, a $0.99 app, a $2.05 stamp": (
        "a one dollar fifty coffee, a ninety nine cent app, a two dollar and five cent stamp"
    ),
    "a £0.50 fee, the €3.00 ticket, a $120.50 fine, a $1.5 tax": (
        "a fifty pence fee, the three euro ticket, a one hundred twenty dollar and fifty cent fine, "
        "a one point five dollar tax"
    ),
    "a coffee for $1.50, a $1.50.": "a coffee for one dollar and fifty cents, a one dollar and fifty cents.",
    # per
    "$40/yr, 60 km/h, $500/month, 5 mg/day": (
        "forty dollars per year, sixty kilometers per hour, five hundred dollars per month, five milligrams per day"
    ),
    "£3.50/kg, in km/h, 10 m/s²": (
        "three pounds and fifty pence per kilogram, in kilometers per hour, ten meters per second squared"
    ),
    # abbreviations
    "Apt. 5, incl. tax, approx. 5, A vs. B": "apartment five, including tax, approximately five, A versus B",
    "The max. speed; He sat. She left.": "the maximum speed; he sat. she left.",
    "w/ milk, w/o sugar, gov't": "with milk, without sugar, government",
    "5 ft. 10 in. tall, call 911, a^2, BA249": (
        "five feet ten inches tall, call nine one one, A squared, B A two hundred forty nine"
    ),
}


@pytest.mark.parametrize("text", SPOKEN)
def test_read_aloud(text: str) -> None:
    assert said(text) == SPOKEN[text]


@given(st.integers(-(10**15), 10**15))
@settings(max_examples=300, deadline=None)
def test_numbers_are_num2words(n: int) -> None:
    def plain(text: str) -> str:
        return text.replace(",", "").replace("-", " ").replace(" and ", " ")

    assert numbers_en.cardinal(n) == plain(num2words(n))
    if n > 0:
        assert numbers_en.ordinal(n) == plain(num2words(n, to="ordinal"))


@pytest.mark.parametrize("n", [1100, 1492, 1776, 1800, 1900, 1905, 1984, 1999, 2010, 2021, 2099])
def test_years_are_num2words(n: int) -> None:
    assert numbers_en.year(n) == num2words(n, to="year").replace("-", " ")


def test_spans_lead_back_to_the_text() -> None:
    text = "At 5:07pm “Dr. O’Neil” paid $5 😀."
    for w in words(text):
        assert text[slice(*w.span)] in text and w.span[0] < w.span[1]
    spans = {w.text: text[slice(*w.span)] for w in words(text)}
    assert spans["seven"] == "5:07pm" and spans["o'neil"] == "O’Neil" and spans["dollars"] == "$5"
    assert spans["doctor"] == "Dr." and dropped(text) == [("😀", (31, 32))]


def test_accents_of_two_code_points_and_control_characters() -> None:
    text = "cafe\u0301\x00 na\u200bive\x07"
    assert [(w.text, w.source, text[slice(*w.span)]) for w in words(text)] == [
        ("café", "dictionary", "cafe\u0301"),
        ("naive", "dictionary", "na\u200bive"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing to say: type"),
        (" \n\t", "nothing to say: type"),
        ("?!…", "nothing to say in “[?]!…”"),
        ("😀 👍🏽", "nothing to say in"),
        ("\x00\x01", "nothing to say"),
        ("a" * (MAX_CHARACTERS + 1), "601 characters; at most 600"),
        ("Hello 안녕", "“안녕” is Korean.*only the front end reads Korean"),
        ("日本", "Chinese"),
        ("カタカナ", "kana"),
        ("say привет", "“привет” is in Cyrillic"),
        ("λόγος", "Greek"),
        ("שלום", "not in Latin"),
    ],
)
def test_bad_texts_say_how_to_mend_them(text: str, message: str) -> None:
    with pytest.raises(TextError, match=message):
        words(text)


def test_phones_are_the_dictionarys() -> None:
    got = {w.text: " ".join(w.phones) for w in words("Hello fourteen thousand o'neil")}
    assert got == {
        "hello": "HH AH0 L OW1", "fourteen": "F AO1 R T IY1 N", "thousand": "TH AW1 Z AH0 N D",
        "o'neil": "OW0 N IY1 L",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("the apple", "the", "DH IY0"), ("the pear", "the", "DH AH0"), ("the, apple", "the", "DH AH0"),
        ("I will read it", "read", "R IY1 D"), ("I have read it", "read", "R EH1 D"), ("He read it", "read", "R EH1 D"),
        ("They live here", "live", "L IH1 V"), ("a live concert", "live", "L AY1 V"),
        ("lead pipes", "lead", "L EH1 D"), ("they lead us", "lead", "L IY1 D"),
        ("the wind blew", "wind", "W IH1 N D"), ("wind up the clock", "wind", "W AY1 N D"),
        ("to use it", "use", "Y UW1 Z"), ("no use", "use", "Y UW1 S"), ("used to go", "used", "Y UW1 S T"),
        ("is used to cut", "used", "Y UW1 Z D"), ("of black lead", "lead", "L EH1 D"),
        ("a record", "record", "R EH1 K ER0 D"), ("to record", "record", "R IH0 K AO1 R D"),
        ("close the door", "close", "K L OW1 Z"), ("it is close to me", "close", "K L OW1 S"),
        ("she tears it up", "tears", "T EH1 R Z"), ("her tears fell", "tears", "T IH1 R Z"),
        ("Polish people", "polish", "P OW1 L IH0 SH"), ("to polish the shoes", "polish", "P AA1 L IH0 SH"),
        ("Polish the shoes", "polish", "P AA1 L IH0 SH"), ("the Polish army", "polish", "P OW1 L IH0 SH"),
        ("vitamin A.", "a", "EY1"), ("a cat", "a", "AH0"), ("the bass guitar", "bass", "B EY1 S"),
    ],
)  # fmt: skip
def test_one_spelling_two_sounds(text: str, word: str, expected: str) -> None:
    assert " ".join(next(w.phones for w in words(text) if w.text == word)) == expected


@pytest.mark.parametrize(
    ("word", "expected", "source"),
    [
        ("Tacotron", "T AE1 K AH0 T R AA2 N", "espeak-ng"),
        ("WaveNet", "W EY1 V N EH2 T", "dictionary"),
        ("WaveNet's", "W EY1 V N EH2 T S", "dictionary"),
        ("GPU", "JH IY1 P IY1 Y UW1", "letters"),
        ("zxq", "Z IY1 EH1 K S K Y UW1", "letters"),
    ],
)
def test_words_outside_the_dictionary(word: str, expected: str, source: str) -> None:
    [w] = words(word)
    assert (" ".join(w.phones), w.source) == (expected, source)


def distance(a: list[str], b: list[str]) -> int:
    """Levenshtein 1966."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, last = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y)))
    return row[-1]


def test_espeak_agrees_with_the_dictionary() -> None:
    """1,000 random entries, mostly names: 10 % of the phones differ, and the main stress in 1 of 20 right words."""
    names = sorted(w for w in phones.dictionary() if w.isalpha())
    errors = total = right = misplaced = 0
    for word in random.Random(1).sample(names, 1000):
        guess = phones.arpabet(espeak.ipa(word))
        assert guess is not None, word
        bare = [p.rstrip("012") for p in guess]
        costs = [(distance([p.rstrip("012") for p in v], bare), v) for v in phones.variants(word)]
        cost, best = min(costs)
        errors, total = errors + cost, total + len(best)
        if cost == 0:
            right += 1
            misplaced += [p[-1] == "1" for p in guess] != [p[-1] == "1" for p in best]
    assert errors / total < 0.115 and right > 550 and misplaced / right < 0.07


def test_every_phone_is_arpabet() -> None:
    known = {v + s for v in phones.VOWELS for s in "012"} | set(phones.CONSONANTS)
    text = "Zhuzh, Gyeongbokgung, naïve façade, Żółć, smörgåsbord, Nguyen, 12:30, x² & Qux's blorptastic."
    assert {p for w in words(text) for p in w.phones} <= known
    assert {p for line in phones.dictionary().values() for p in line.partition(" #")[0].split()} <= known


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("extra", "EH1 K | S T R AH0"), ("button", "B AH1 | T AH0 N"), ("singing", "S IH1 NG | IH0 NG"),
        ("strengths", "S T R EH1 NG K TH S"), ("atlas", "AE1 T | L AH0 S"), ("idea", "AY0 | D IY1 | AH0"),
        ("computer", "K AH0 M | P Y UW1 | T ER0"),
    ],
)  # fmt: skip
def test_syllables(word: str, expected: str) -> None:
    assert " | ".join(" ".join(s) for s in syllables(words(word)[0].phones)) == expected


def test_syllables_lose_nothing() -> None:
    for line in random.Random(2).sample(sorted(phones.dictionary().values()), 2000):
        sound = tuple(line.partition(" #")[0].split())
        cut = syllables(sound)
        assert sum(cut, ()) == sound and all(sum(map(phones.is_vowel, s)) <= 1 for s in cut)
    assert syllables(()) == [] and syllables(("HH", "M")) == [("HH", "M")]


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_said_or_refused(text: str) -> None:
    try:
        spoken = words(text)
    except TextError as error:
        assert len(str(error)) > 20
    else:
        assert spoken and all(w.phones and 0 <= w.span[0] < w.span[1] <= len(text) for w in spoken)
        assert all(a.span[0] <= b.span[0] for a, b in zip(spoken, spoken[1:]))


def test_loading_is_fast_and_late() -> None:
    phones.dictionary.cache_clear()
    start = time.perf_counter()
    phones.dictionary()
    assert time.perf_counter() - start < 1.0  # 0.12 s on a quiet machine
