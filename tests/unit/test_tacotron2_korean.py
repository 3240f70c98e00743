"""The Korean teacher: what espeak says, when each letter begins, the corpus it makes, and that a network learns it."""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from small_tacotron import SMALL

from core import audio
from core.errors import DataError, PackageError
from core.tacotron2 import data, model, teacher, train
from core.tacotron2.sentences_ko import UNSEEN, sentences
from core.text import espeak, korean
from core.text.tokens import table, tokens
from core.wavenet import data as corpus


def decibels(x: np.ndarray) -> float:
    return 10 * np.log10(float(np.square(x, dtype=np.float64).mean()) + 1e-12)


def piece(lesson: teacher.Lesson, token: int) -> np.ndarray:
    first, last = np.round(lesson.starts_s[token : token + 2] * audio.SAMPLE_RATE_HZ).astype(int)
    return lesson.audio.numpy()[first : max(last, first + 1)]


# What espeak says


def test_speak_gives_a_sound_and_its_phones_in_order():
    x, rate_hz, phones = espeak.speak("나무", voice="ko")
    assert rate_hz == 22_050 and x.dtype == np.float32 and x.ndim == 1
    assert 0.05 < np.abs(x).max() <= 1.0
    assert [phone.name.strip("',") for phone in phones if not phone.is_pause] == ["n", "a", "m", "u"]
    starts = [phone.start_s for phone in phones]
    assert starts == sorted(starts) and starts[0] == 0.0 and starts[-1] <= len(x) / rate_hz


def test_speak_takes_twice_as_long_at_half_the_rate():
    text = "바람이 시원하게 불어요"
    fast, slow = (len(espeak.speak(text, voice="ko", rate_wpm=rate)[0]) for rate in (200, 100))
    assert 1.7 < slow / fast < 2.3


def test_pitch_is_that_of_the_voice():
    """By the first peak of the autocorrelation of a long vowel."""
    found = {}
    for voice in ("ko", teacher.VOICE):
        x, rate_hz, phones = espeak.speak("아아", voice=voice, rate_wpm=100)
        middle = x[round(0.15 * rate_hz) : round(0.35 * rate_hz)]
        sums = np.correlate(middle, middle, "full")[len(middle) - 1 :]
        lags = np.arange(rate_hz // 350, rate_hz // 60)
        found[voice] = rate_hz / lags[np.argmax(sums[lags])]
    assert found["ko"] < 125 < 150 < found[teacher.VOICE] < 270


def test_what_ipa_gives_does_not_change_by_speaking():
    words = ["hello", "thorough", "espeak", "conspicuous"]
    before = [espeak.ipa(word) for word in words]
    assert before[0] == ["h", "ə", "l", "ˈoʊ"]
    espeak.speak("안녕", voice=teacher.VOICE, pitch=80, rate_wpm=300)
    assert [espeak.ipa(word) for word in words] == before
    with pytest.raises(PackageError, match="no voice"):
        espeak.speak("안녕", voice="klingon-in-hiding")
    assert espeak.ipa("hello") == before[0]


# Letters and phones


@pytest.mark.parametrize(
    "text, phones",
    [
        ("국물", "g u N m u L"),
        ("같이", "g a tS h i"),
        ("큽니다", "kh u- m n i d a"),
        ("희망", "h i m a N"),
        ("읽었습니다", "i L q @ d- s- u- m n i d a"),
        ("꽃잎", "q- o n n i p"),
        ("의사", "u- j s a"),
    ],
)
def test_the_pronounced_spelling_is_said_letter_by_letter(text, phones):
    """The phones are those of the Standard Pronunciation: [궁물], [가치], [큼니다], [히망], [일거씀니다], [꼰닙]."""
    said = espeak.speak(korean.pronounce(text), voice=teacher.VOICE)[2]
    names = [phone.name.strip("',") for phone in said if not phone.is_pause]
    assert names == phones.split()
    letters = [s for s in tokens(text, "ko", unit="sounds").symbols if s in teacher._SAYS]
    assert teacher.match(letters, names)[1] == 0.0


def cheapest(letters: tuple[str, ...], phones: tuple[str, ...], before: str = "") -> float:
    """All ways to share phones out among letters."""
    if not letters:
        return 0.0 if not phones else np.inf
    ways = teacher._costs(letters[0], before, phones[:3]).items()
    return min(cost + cheapest(letters[1:], phones[count:], letters[0]) for count, cost in ways)


def test_the_match_is_the_cheapest_of_all():
    first, cost = teacher.match(tuple("\u1100\u1161\u110e\u1175"), ["g", "a", "tS", "h", "i"])  # 가치
    assert first == [0, 1, 2, 4, 5] and cost == 0.0
    random = np.random.default_rng(0)
    for _ in range(30):
        letters = tuple(random.choice(list(teacher._SAYS), 4))
        phones = tuple(random.choice(["g", "a", "j", "n", "l", "tS", "h", "u-"], random.integers(2, 7)))
        assert teacher.match(letters, phones)[1] == pytest.approx(cheapest(letters, phones))


def test_doubled_l_is_shared():
    """살림: one [l] of espeak's is both ㄹ."""
    starts, cost = teacher.timed(
        tokens("살림", "ko", unit="sounds").symbols,
        [espeak.Phone(*pair) for pair in (("s", 0.0), ("'a", 0.1), ("l", 0.2), ("i", 0.4), ("m", 0.5))], 0.6,
    )  # fmt: skip
    assert starts[:6] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5]) and 0 < cost < 0.1


# When


def test_vowels_begin_where_the_sound_does():
    """아, 이, 우 with pauses: the three places where the level rises, and where it falls again."""
    lesson = teacher.teach("아, 이, 우.")
    x = lesson.audio.numpy()
    level = np.array([decibels(x[i : i + 160]) for i in range(0, len(x) - 160, 80)])  # each 5 ms
    loud = np.concatenate([[False], level > -30, [False]])
    rises, falls = (np.flatnonzero(step) * 0.005 for step in (loud[1:] & ~loud[:-1], ~loud[1:] & loud[:-1]))
    assert len(rises) == len(falls) == 3
    vowels = [i for i, s in enumerate(lesson.tokens.symbols) if s in teacher._VOWELS]
    assert lesson.starts_s[vowels] == pytest.approx(rises, abs=0.025)
    marks = [i for i, s in enumerate(lesson.tokens.symbols) if s in ",."]
    assert lesson.starts_s[marks] == pytest.approx(falls, abs=0.06)  # a vowel dies away


@pytest.mark.parametrize("text", [*UNSEEN[:4], *sentences(6)])
def test_every_token_has_its_time(text):
    lesson = teacher.teach(text)
    starts, symbols = lesson.starts_s, lesson.tokens.symbols
    assert symbols == tokens(text, "ko", unit="sounds").symbols
    assert len(starts) == len(symbols) + 1 and starts[0] == 0.0
    assert np.diff(starts).min() >= data.LEAST_S / 2 - 1e-9  # every token can be visited
    assert starts[-1] == pytest.approx(len(lesson.audio) / audio.SAMPLE_RATE_HZ, abs=1e-3)
    assert 10 ** (-20.5 / 20) < float(lesson.audio.square().mean().sqrt()) < 10 ** (-19.5 / 20)
    vowels = [i for i, s in enumerate(symbols) if "\u1161" <= s <= "\u1175"]
    assert min(decibels(piece(lesson, i)) for i in vowels) > -36
    assert decibels(piece(lesson, vowels[0])) > -26
    assert decibels(piece(lesson, len(symbols) - 1)[800:]) < -45  # after the end, silence


def test_a_pause_is_the_marks():
    lesson = teacher.teach("네, 아주 좋아요.")
    comma = lesson.tokens.symbols.index(",")
    assert 0.1 < np.diff(lesson.starts_s)[comma] < 0.4 and decibels(piece(lesson, comma)[800:-200]) < -40
    assert np.diff(lesson.starts_s)[comma + 1] < 0.03  # the space after it


# The corpus


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six sentences to learn, two held out."""
    path = tmp_path_factory.mktemp("teacher")
    texts = {f"ko_{i}": text for i, text in enumerate(sentences(6))}
    found = teacher.write(path, texts | {f"unseen_{i}": text for i, text in enumerate(UNSEEN[3:5])})
    assert found["left out"] == [] and len(found["written"]) == 8
    return path


def test_the_corpus_is_read_back(folder):
    lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].split("|") == ["ko_0", sentences(1)[0], sentences(1)[0]]
    taught, held_out = data.load_korean(folder), data.load_korean(folder, held_out=True)
    assert [one.name for one in taught] == [f"ko_{i}" for i in range(6)]
    assert [one.name for one in held_out] == ["unseen_0", "unseen_1"]
    assert [one.name for one in data.load_korean(folder, limit=2)] == ["ko_0", "ko_1"]
    for one in [*taught, *held_out]:
        sound = soundfile.info(str(folder / "flac" / f"{one.name}.flac"))
        assert sound.samplerate == audio.SAMPLE_RATE_HZ and sound.subtype == "PCM_16"
        assert one.mel.shape == (80, 1 + sound.frames // audio.HOP_SAMPLES)
        assert one.starts_s is not None and len(one.starts_s) == len(one.ids) + 1
        assert one.starts_s[-1] == pytest.approx(one.mel.shape[1] * data.FRAME_S, abs=2 * data.FRAME_S)
    spelled = "".join(table("ko", "sounds")[i] for i in held_out[0].ids[:-1])
    assert unicodedata.normalize("NFC", spelled) == korean.pronounce(UNSEEN[3])
    assert {one.name for one in corpus.load(folder)} >= {one.name for one in taught[:5]}  # vocoders can read it too


def test_times_of_other_texts_are_refused(folder, tmp_path):
    lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "metadata.csv").write_text(lines[0].partition("|")[0] + "|다른 말|다른 말\n", encoding="utf-8")
    (tmp_path / "timings.json").write_bytes((folder / "timings.json").read_bytes())
    (tmp_path / "flac").symlink_to(folder / "flac")
    with pytest.raises(DataError, match="teacher again"):
        data.load_korean(tmp_path, held_out=True)


def test_espeak_must_say_the_letters(monkeypatch):
    from core.errors import TextError

    monkeypatch.setattr(korean, "pronounce", lambda text: "전혀 다른 말")
    with pytest.raises(TextError, match="letter by letter"):
        teacher.teach("나무")


def test_kss_is_read_as_it_comes(tmp_path):
    """transcript.v.1.4.txt: path|written|read aloud|letters|seconds|English; sounds at 44.1 kHz in folders 1 to 4."""
    lines = []
    for i, (part, text) in enumerate(itertools.product("12", ["나무 2그루", "물이 맑다."])):
        (tmp_path / part).mkdir(exist_ok=True)
        tone = np.sin(np.arange(44_100) * 0.03) * np.hanning(44_100)
        silent = np.zeros(44_100)
        soundfile.write(str(tmp_path / part / f"{part}_000{i}.wav"), np.concatenate([silent, tone, silent]), 44_100)
        lines.append(f"{part}/{part}_000{i}.wav|{text}|{text.replace('2', '두 ')}|-|3.0|a tree\n")
    (tmp_path / "transcript.v.1.4.txt").write_text("".join(lines), encoding="utf-8-sig")
    taught, held_out = data.load_korean(tmp_path), data.load_korean(tmp_path, held_out=True)
    assert sorted(one.name for one in [*taught, *held_out]) == ["1_0000", "1_0001", "2_0002", "2_0003"]
    assert len(held_out) == 1 and [one.name for one in data.load_korean(tmp_path)] == [one.name for one in taught]
    tree = next(one for one in taught if one.name == "1_0000")
    assert tree.ids.tolist() == list(tokens("나무 두 그루", "ko", unit="sounds").ids)
    assert tree.starts_s is None and data.collate(taught, 2).alignment is None
    assert 60 < tree.mel.shape[1] < 120  # the second of sound, and little of the silences of a second


def test_a_corpus_without_texts_says_so(tmp_path):
    with pytest.raises(DataError, match="transcript"):
        data.load_korean(tmp_path)


# The trainer


def test_one_step_of_the_command(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(model.PRESETS, "small", SMALL)
    made = []
    monkeypatch.setattr(train, "Tacotron2", lambda config: made.append(model.Tacotron2(config)) or made[-1])
    train.main(
        f"--language ko --data {folder} --run {tmp_path / 'run'} --steps 2 --batch 3 --evaluate-every 2".split()
    )
    config = made[0].config
    assert (config.language, config.unit, config.symbols) == ("ko", "sounds", len(table("ko", "sounds")))
    log = (tmp_path / "run" / "log.jsonl").read_text()
    assert "held_out_mel" in log and "attention_right" in log
    batch = data.collate(data.load_korean(folder), SMALL.frames_per_step)
    assert batch.alignment is not None and batch.alignment.shape[1:] == (
        batch.mel.shape[2] // SMALL.frames_per_step, int(batch.lengths.max())
    )  # fmt: skip
    rows = batch.alignment.sum(dim=2)
    assert torch.allclose(rows[rows > 0], torch.ones(int((rows > 0).sum())))


def test_english_is_the_default_as_before():
    options = train.parse(["--data", "x"])
    assert str(options.run) == "runs/tacotron2-english" and str(options.alignment) == "runs/alignment-kathleen.json"
    config = train.config_for(options)
    assert config == replace(model.PRESETS["small"], attention="location", symbols=len(table("en", "phones")))
    assert str(train.parse(["--data", "x", "--language", "ko"]).run) == "runs/tacotron2-korean"
