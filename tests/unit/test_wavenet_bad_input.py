"""Options that cannot be used give typed errors that say how to mend them; a machine without a compiler still works."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import EngineError, LessonError, MelError, SamplingError
from core.wavenet import PRESETS, WaveNet, WaveNetConfig, engines, generate
from core.wavenet.engines import compiler
from core.wavenet.sample import MAX_SAMPLES

SMALL = WaveNetConfig(
    levels=32, residual_channels=8, gate_channels=16, skip_channels=8, head_channels=8, layers=4, layers_per_cycle=4
)
MEL = replace(SMALL, mel_channels=80, condition_channels=8, hop_samples=10)
NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def model() -> WaveNet:
    return WaveNet(SMALL)


@pytest.fixture(scope="module")
def vocoder() -> WaveNet:
    return WaveNet(MEL)


def long(*rows: list[int]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.long)


@pytest.mark.parametrize(("options", "said"), [
    ({"samples": 0}, "at least 1"),
    ({"samples": -5}, "at least 1"),
    ({"samples": 2 * 3600 * 16_000}, "9,600,000"),
    ({"samples": MAX_SAMPLES + 1}, "10 minutes"),
    ({"samples": None}, "how many"),
    ({"samples": 10.5}, "whole number"),
    ({"samples": True}, "whole number"),
    ({"samples": 10, "temperature": 0.0}, "above 0"),
    ({"samples": 10, "temperature": -1.0}, "above 0"),
    ({"samples": 10, "temperature": NAN}, "above 0"),
    ({"samples": 10, "temperature": INF}, "above 0"),
    ({"samples": 10, "temperature": "hot"}, "above 0"),
    ({"samples": 10, "engine": "steam"}, "native-fp16-2"),
    ({"samples": 10, "uniforms": torch.rand(1, 9)}, "[1, 10]"),
    ({"samples": 10, "uniforms": torch.rand(10)}, "[1, 10]"),
    ({"samples": 2, "uniforms": torch.tensor([[0.5, 1.0]])}, "[0, 1)"),
    ({"samples": 2, "uniforms": torch.tensor([[0.5, 1 - 1e-12]], dtype=torch.double)}, "[0, 1)"),
    ({"samples": 2, "uniforms": torch.tensor([[-0.1, 0.5]])}, "[0, 1)"),
    ({"samples": 2, "uniforms": torch.tensor([[NAN, 0.5]])}, "[0, 1)"),
    ({"samples": 2, "uniforms": long([0, 0])}, "floats"),
    ({"samples": 2, "prime": torch.rand(1, 4)}, "integer codes"),
    ({"samples": 2, "prime": long([0, 1])[0]}, "integer codes"),
    ({"samples": 2, "prime": torch.zeros(1, 0, dtype=torch.long)}, "integer codes"),
    ({"samples": 2, "prime": long([0, 32])}, "0 … 31"),
    ({"samples": 2, "prime": long([-1, 3])}, "0 … 31"),
    ({"samples": 2, "prime": long([1], [2], [3]), "uniforms": torch.rand(2, 2)}, "as many rows"),
])  # fmt: skip
def test_sampling_options(model, options, said):
    with pytest.raises(SamplingError) as error:
        generate(model, **{"engine": "cached", **options})
    assert said in str(error.value)


@pytest.mark.parametrize("block", [0, -1, 1.5, True, None])
def test_block_size(model, block):
    with pytest.raises(SamplingError, match="block"):
        generate.stream(model, samples=10, block=block)


def test_stream_complains_at_the_call_not_at_the_first_block(model):
    with pytest.raises(SamplingError):
        generate.stream(model, samples=0)


@pytest.mark.parametrize(("mel", "samples", "said"), [
    (None, 10, "pass mel"),
    (torch.zeros(80, 4), 10, "[1, 80, frames]"),
    (torch.zeros(1, 79, 4), 10, "[1, 80, frames]"),
    (torch.zeros(1, 80, 0), 10, "[1, 80, frames]"),
    (torch.zeros(1, 80, 4), 41, "at most 40"),
    (torch.full((1, 80, 4), NAN), 10, "NaN"),
    (torch.full((1, 80, 4), INF), 10, "NaN"),
])  # fmt: skip
def test_mels(vocoder, mel, samples, said):
    with pytest.raises(MelError) as error:
        generate(vocoder, mel, samples, engine="cached")
    assert said in str(error.value)


def test_a_mel_of_no_frames_without_samples(vocoder):
    with pytest.raises(LessonError):
        generate(vocoder, torch.zeros(1, 80, 0))


def test_a_mel_for_an_unconditional_network(model):
    with pytest.raises(MelError, match="unconditional"):
        generate(model, torch.zeros(1, 80, 4), 10)


def test_a_prime_counts_towards_the_mel(vocoder):
    with pytest.raises(MelError, match="at most 40"):
        generate(vocoder, torch.zeros(1, 80, 4), 30, prime=torch.zeros(1, 11, dtype=torch.long))


def test_codes_for_an_engines_logits(model):
    with pytest.raises(SamplingError):
        engines.create("cached", model).logits(long([0, 32]))


def test_weights_beyond_fp16_leave_fp32():
    model = WaveNet(SMALL)
    with torch.no_grad():
        model.head1.weight[0, 0] = 1e5
    if engines.why_not("native", model):
        pytest.skip("no compiler")
    with pytest.raises(EngineError, match=r"fp16.*native"):
        generate(model, samples=5, engine="native-fp16")
    assert generate.best(model)[0] in ("native", "native-2")


def test_another_gate_for_a_compiled_engine():
    model = WaveNet(replace(SMALL, gate="add"))
    for name in ("native", "numba"):
        with pytest.raises(EngineError, match="gate"):
            generate(model, samples=5, engine=name)
    assert generate(model, samples=5).shape == (1, 5)


@pytest.fixture
def fresh_compiler(monkeypatch, tmp_path):
    """As in a new process whose user has an empty cache folder and no compiler on the PATH."""
    monkeypatch.setattr(compiler, "_loaded", {})
    monkeypatch.setattr(compiler, "_failed", {})
    monkeypatch.setattr(engines, "_choices", {})
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    return tmp_path


def executable(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return str(path)


def without_native(model: WaveNet, said: str) -> None:
    """auto takes another engine and says why; naming native is an error that names what works."""
    name, sentence = generate.best(model)
    assert name == "numba" and said in sentence
    assert generate(model, samples=20, engine="auto").shape == (1, 20)
    with pytest.raises(EngineError) as error:
        generate(model, samples=20, engine="native")
    assert said in str(error.value) and "cached" in str(error.value)
    assert {"native": False, "cached": True}.items() <= {n: works for n, works, _ in generate.engines()}.items()


def test_no_compiler(model, fresh_compiler, monkeypatch):
    monkeypatch.setenv("PATH", str(fresh_compiler / "bin"))
    without_native(model, "no C++ compiler was found")


def test_a_compiler_that_fails(model, fresh_compiler, monkeypatch):
    executable(fresh_compiler / "bin" / "g++", "#!/bin/sh\necho 'generate.cpp:1: error: this is not C++' >&2\nexit 1\n")
    monkeypatch.setenv("PATH", f"{fresh_compiler / 'bin'}:{os.environ['PATH']}")
    without_native(model, "error: this is not C++")
    assert not list((fresh_compiler / "cache").rglob("*.so"))  # nothing unfinished stays


@pytest.mark.skipif(bool(engines.why_not("native")), reason="no C++ compiler here")
def test_a_compiler_that_does_not_know_this_processor(model, fresh_compiler, monkeypatch):
    real = compiler.shutil.which("g++") or compiler.find_compiler()
    script = f'#!/bin/sh\ncase "$*" in *march=native*) echo "error: unsupported" >&2; exit 1;; esac\nexec {real} "$@"\n'
    monkeypatch.setenv("CXX", executable(fresh_compiler / "bin" / "old++", script))
    monkeypatch.setattr(compiler, "FLAGS", tuple("-O0" if flag == "-O3" else flag for flag in compiler.FLAGS))
    wanted = generate(model, samples=50, engine="cached")
    assert torch.equal(generate(model, samples=50, engine="native"), wanted)


def test_a_compiler_that_writes_rubbish(model, fresh_compiler, monkeypatch):
    executable(fresh_compiler / "bin" / "rubbish++", '#!/bin/sh\nfor last; do :; done\necho rubbish > "$last"\n')
    monkeypatch.setenv("CXX", str(fresh_compiler / "bin" / "rubbish++"))
    without_native(model, "cannot be loaded")


def test_a_compiler_that_cannot_be_run(model, fresh_compiler, monkeypatch):
    monkeypatch.setenv("CXX", executable(fresh_compiler / "bin" / "broken++", "#!/nonexistent/interpreter\n"))
    without_native(model, "could not be run")


def test_neither_compiler_nor_numba(model, fresh_compiler, monkeypatch):
    monkeypatch.setenv("PATH", str(fresh_compiler / "bin"))
    real = engines.importlib.import_module

    def without_numba(name, *args):
        if name.endswith("numba_engine"):
            raise ImportError("No module named 'numba'")
        return real(name, *args)

    monkeypatch.setattr(engines.importlib, "import_module", without_numba)
    name, sentence = generate.best(model)
    assert name == "cached" and "No module named 'numba'" in sentence and "compiler" in sentence
    assert generate(model, samples=5).shape == (1, 5)


needs_compiler = pytest.mark.skipif(bool(engines.why_not("native")), reason="no C++ compiler here")


@pytest.fixture
def quick_compile(fresh_compiler, monkeypatch):
    """Without optimisation, to keep the test short."""
    monkeypatch.setattr(compiler, "FLAGS", tuple("-O0" if flag == "-O3" else flag for flag in compiler.FLAGS))
    return fresh_compiler


@needs_compiler
def test_an_unwritable_cache_folder(model, quick_compile, monkeypatch):
    in_the_way = quick_compile / "file"
    in_the_way.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_the_way))
    folder = compiler.cache_folder()
    assert folder.is_dir() and in_the_way not in folder.parents
    wanted = generate(model, samples=50, engine="cached")
    assert torch.equal(generate(model, samples=50, engine="native"), wanted)
    assert list(folder.glob("generate-*.so"))


@needs_compiler
def test_a_damaged_kernel_is_replaced_and_a_good_one_kept(quick_compile, monkeypatch):
    name = f"generate-{compiler.fingerprint(compiler.find_compiler())}.so"
    kept = compiler.cache_folder() / name
    kept.write_bytes(b"damaged")
    assert engines.why_not("native") == ""
    assert kept.stat().st_size > 10_000
    monkeypatch.setattr(compiler, "_loaded", {})
    monkeypatch.setattr(compiler, "_compile", lambda *args: pytest.fail("compiled again"))
    assert engines.why_not("native") == ""


@needs_compiler
def test_flags_are_part_of_the_fingerprint(monkeypatch):
    path = compiler.find_compiler()
    before = compiler.fingerprint(path)
    monkeypatch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-g"))
    assert compiler.fingerprint(path) != before


def test_limit_is_ten_minutes_and_a_preset_can_reach_it():
    assert MAX_SAMPLES == 600 * 16_000
    stream = generate.stream(WaveNet(PRESETS["tiny"]), samples=MAX_SAMPLES, engine="cached", block=5)
    assert next(stream).shape == (1, 5)
    stream.close()
