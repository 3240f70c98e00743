"""Every typed error that a visitor can meet is there in Korean: the code's own messages against errors.toml."""

import ast
import functools
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from core import audio, errors, weights
from core.errors import AudioError, EngineError, LessonError, WeightsError
from core.wavenet import engines
from demos._jobs import translate

ROOT = Path(__file__).resolve().parents[2]
TYPED = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, LessonError)}
ENGINES = "core/wavenet/engines/"
GIVE_REASONS = ("why_not", "unavailable")  # functions whose texts say why an engine does not work
ANY = "7"  # stands for a value that only running the code gives

# "file" or "file:function" -> why no visitor reads these messages. Whoever runs a command reads English.
NOT_FOR_VISITORS = {
    "trainers and the commands that measure: they need a corpus, given by --data": [
        "core/midi/collection.py",
        "core/parametric/data.py", "core/tacotron2/data.py", "core/text/alignment.py", "core/unit_selection/data.py",
        "core/separation/data.py", "core/separation/remix.py", "core/separation/render.py", "core/wavenet/data.py",
        "core/musenet/classifier.py", "core/musenet/data.py", "core/separation/stretch.py", "core/transformer/data.py",
        "core/transformer/chorales_corpus.py", "core/transformer/chorales.py", "core/vqvae/data.py",
        "core/recognition/augment.py", "core/recognition/data.py", "core/recognition/examples.py",
        "core/recognition/synthetic.py",
        "core/melnet/data.py", "core/melnet/measure.py", "core/melnet/piano.py", "core/mir/truth.py",
        "core/enhancement/corpora.py", "core/enhancement/data.py", "core/enhancement/peers.py",
        "core/events/data.py", "core/events/examples.py", "core/events/measure.py", "core/tags/convert.py",
    ],
    "writing weights: only a trainer and core.hub do": [
        "core/weights.py:save", "core/weights.py:_require_fields", "core/weights.py:_stored",
        "core/weights.py:contents",
    ],
    "sending weights and fetching them: a command": ["core/hub.py"],
    "tensors and rates that only a program can hand over; pages take theirs from load_voice and the models": [
        "core/audio.py:Synthesis.__post_init__", "core/audio.py:resample", "core/audio.py:wav_bytes",
        "core/separation/model.py", "core/separation/sample.py:stream", "core/events/model.py", "core/tags/model.py",
        "core/enhancement/model.py", "core/enhancement/clips.py:load", "core/musenet/sample.py:_check",
        "core/musenet/sample.py:generate", "core/musenet/sample.py:together", "core/musenet/vocabulary.py:name",
        "core/musenet/vocabulary.py:parse", "core/gpt2/load.py", "core/gpt2/model.py", "core/gpt2/sample.py",
        "core/transformer/chorales_sample.py:harmonise",
        "core/mir/model.py", "core/melnet/model.py", "core/melnet/tiers.py", "core/melnet/sample.py:generate",
    ],
    "hands on the text of another error, which is among the reasons below": [
        "core/wavenet/engines/compiler.py:load_kernel", "core/wavenet/engines/cuda_device.py:gpu_for",
    ],
}  # fmt: skip


class Message(NamedTuple):
    place: str  # core/audio.py:mel
    line: int
    texts: list[str]  # one for each way through its conditions, with ANY for values


@functools.cache
def messages() -> list[Message]:
    """The texts of all typed errors of core and demos, and of the reasons why an engine does not work."""
    out = []
    for path in sorted([*(ROOT / "core").rglob("*.py"), *(ROOT / "demos").rglob("*.py")]):
        name, tree = path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))
        wanted = TYPED | {"CompileError"} if name.startswith(ENGINES) else TYPED
        for scope, node in with_scopes(tree):
            said = node.args[0] if is_call(node, wanted) and node.args else None
            if isinstance(node, ast.Return) and name.startswith(ENGINES) and scope[-1].name in GIVE_REASONS:
                said = node.value if is_text(node.value) else None
            if said is not None:
                place = ":".join([name, ".".join(one.name for one in scope)])
                out.append(Message(place, node.lineno, texts(said, assigned([tree, *scope]))))
    return [one for one in out if one.texts]


def with_scopes(node: ast.AST, scope: tuple = ()) -> Iterator[tuple[tuple, ast.AST]]:
    """Every node with the classes and functions around it, outermost first."""
    for child in ast.iter_child_nodes(node):
        yield scope, child
        inner = isinstance(child, (ast.FunctionDef, ast.ClassDef))
        yield from with_scopes(child, (*scope, child) if inner else scope)


def is_call(node: ast.AST, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in names


def is_text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and bool(node.value))


def assigned(scopes: list[ast.AST]) -> dict[str, list[ast.expr]]:
    """What a simple `name = …` gives to each name of these scopes, the inner ones' assignments before the outer's."""
    out: dict[str, list[ast.expr]] = {}
    for scope in scopes:
        inside = scope.body if isinstance(scope, ast.Module) else ast.walk(scope)
        found: dict[str, list[ast.expr]] = {}
        for node in inside:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found.setdefault(node.targets[0].id, []).append(node.value)
        out |= found
    return out


def texts(node: ast.expr, names: dict[str, list[ast.expr]]) -> list[str]:
    """All texts that an expression can give, as far as its source tells."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else [ANY]
    if isinstance(node, ast.JoinedStr):
        return ["".join(parts) for parts in itertools.product(*(texts(part, names) for part in node.values))]
    if isinstance(node, ast.FormattedValue):
        return texts(node.value, names)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [a + b for a in texts(node.left, names) for b in texts(node.right, names)]
    if isinstance(node, ast.IfExp):
        return texts(node.body, names) + texts(node.orelse, names)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return [text for value in node.values for text in texts(value, names)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("strip", "rstrip"):
        return [getattr(text, node.func.attr)() for text in texts(node.func.value, names)]
    if isinstance(node, ast.Name) and node.id in names:
        rest = {name: values for name, values in names.items() if name != node.id}
        found = dict.fromkeys(text for value in names[node.id] for text in texts(value, rest))
        return [text for text in found if text or len(names[node.id]) == 1]  # "" may be there to be replaced
    return [ANY]


def is_korean(text: str) -> bool:
    return re.search("[가-힣]", translate(text, "ko")) is not None


def exempt(message: Message) -> bool:
    keys = {key for group in NOT_FOR_VISITORS.values() for key in group}
    return message.place in keys or message.place.partition(":")[0] in keys


def test_every_message_for_a_visitor_is_there_in_korean():
    missing = [
        f"{one.place} (line {one.line}): {text}"
        for one in messages() if not exempt(one) for text in one.texts if not is_korean(text)
    ]  # fmt: skip
    assert not missing, "lessons/_site/errors.toml lacks:\n" + "\n".join(missing)


@pytest.mark.parametrize("key", [key for group in NOT_FOR_VISITORS.values() for key in group])
def test_an_exemption_has_something_to_exempt(key):
    of_it = [one for one in messages() if key in (one.place, one.place.partition(":")[0])]
    assert any(not is_korean(text) for one in of_it for text in one.texts), f"{key} needs no exemption any more"


def test_the_collector_finds_what_the_code_says():
    """All calls are seen, and conditional parts are followed both ways; by plain search in the source."""
    found = messages()
    source = "".join(
        path.read_text(encoding="utf-8") for top in ("core", "demos") for path in (ROOT / top).rglob("*.py")
    )
    raised = len(re.findall(rf"\b(?:raise|return) (?:{'|'.join(TYPED)})\(", source))
    assert sum(not one.place.startswith(ENGINES) for one in found) > 0.8 * raised > 80
    cut_off = next(one.texts for one in found if one.place == "core/sound_file.py:_cut_off")
    assert {text.partition(":")[0] for text in cut_off} == {"7 is cut off", "7 is cut off after 7 % of its length"}
    reasons = [text for one in found if one.place.startswith(ENGINES) for text in one.texts]
    assert "there is no NVIDIA GPU here that PyTorch can use." in reasons


def raised_by(kind, call):
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value), translate(str(caught.value), "ko")


def test_real_errors_are_read_in_korean(tmp_path):
    """Not the collector's texts but the errors themselves, with what they carry."""
    whole = audio.wav_bytes(audio.load_voice(ROOT / "assets/audio/kathleen_b0481.flac"), 16_000)
    cut = tmp_path / "mine.wav"
    cut.write_bytes(whole[: len(whole) // 2])
    english, korean = raised_by(AudioError, lambda: audio.read(cut))
    assert "after 50 %" in english and "mine.wav" in korean and "50 %" in korean and "끊긴" in korean
    english, korean = raised_by(AudioError, lambda: audio.read(tmp_path))
    assert "folder" in english and "폴더" in korean

    english, korean = raised_by(WeightsError, lambda: weights.load("no-such-weights"))
    assert "wavenet-vocoder" in korean and "make train-no-such-weights" in korean and "가중치" in korean


def test_a_reason_within_a_message_is_translated_too(monkeypatch):
    reason = "there is no NVIDIA GPU here that PyTorch can use."
    monkeypatch.setattr(engines, "why_not", lambda name, model=None: "" if name == "cached" else reason)
    english, korean = raised_by(EngineError, lambda: engines.create("cuda", weights.load("wavenet-vocoder")))
    assert reason in english and translate(reason, "ko") in korean and "NVIDIA GPU here" not in korean
    folder = "restore the folder with `git checkout -- assets/weights/x`, or train the model again."
    korean = translate(f"x/config.json cannot be read (JSONDecodeError): {folder}", "ko")
    assert "`git checkout -- assets/weights/x`" in korean and "restore" not in korean
