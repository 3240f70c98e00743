"""Generation with a past is generation without, token for token; and is transformers' own."""

import numpy as np
import pytest
import torch

from core.errors import SamplingError
from core.gpt2 import load as loading
from core.gpt2.model import GPT2, PRESETS, model
from core.gpt2.sample import READERS, BufferedPast, generate
from core.sampling import Options, distribution, uniforms_of

TINY = PRESETS["tiny"]
BOLD = Options(temperature=0.9, top_k=20, top_p=0.95)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = GPT2(TINY).eval()
    with torch.no_grad():
        for value in made.parameters():
            value.add_(torch.randn(value.shape) * 0.15)
    return made


def prompt(batch=1, count=5):
    return torch.randint(TINY.n_vocab, (batch, count), generator=torch.Generator().manual_seed(2))


def tokens(network, start, uniforms, **options):
    return torch.stack(list(generate(network, start, uniforms, **options)), dim=1)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("count", [1, 5])
def test_all_ways_to_keep_the_past_give_the_same_tokens(network, batch, count):
    start, uniforms = prompt(batch, count), uniforms_of(4, 40, batch)
    found = {past: tokens(network, start, uniforms, options=BOLD, past=past) for past in READERS}
    assert len(torch.unique(found["none"])) > 15
    for past, row in found.items():
        assert torch.equal(row, found["none"]), past


def test_rows_of_a_batch_do_not_disturb_each_other(network):
    start, uniforms = prompt(3), uniforms_of(5, 30, 3)
    together = tokens(network, start, uniforms)
    for row in range(3):
        assert torch.equal(tokens(network, start[row : row + 1], uniforms[row : row + 1])[0], together[row])


def test_each_token_is_drawn_by_its_uniform_from_the_networks_distribution(network):
    start, uniforms = prompt(), uniforms_of(6, 25)
    row = start[0].tolist()
    for token, u in zip(generate(network, start, uniforms, options=BOLD), uniforms[0].tolist()):
        with torch.no_grad():
            logits = model(TINY, torch.tensor([row]), scope=network.scope)["logits"][0, -1]
        edges = np.cumsum(distribution(logits, BOLD).double().numpy())
        assert int(token) == int(np.searchsorted(edges, u * edges[-1], side="right"))
        row.append(int(token))


@pytest.mark.parametrize("past", READERS)
def test_generation_is_that_of_transformers(tmp_path, past):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=67, n_positions=64, n_embd=48, n_head=3, n_layer=3, bos_token_id=None, eos_token_id=None
    )
    theirs = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for value in theirs.parameters():
            value.add_(torch.randn(value.shape) * 0.1)
    theirs.save_pretrained(tmp_path / "small")
    start = torch.randint(67, (2, 6))
    wanted = theirs.generate(
        start, attention_mask=torch.ones_like(start), max_new_tokens=58, do_sample=False, pad_token_id=0
    )
    found = tokens(loading.load(tmp_path / "small"), start, torch.zeros(2, 58), options=Options(top_k=1), past=past)
    assert torch.equal(found, wanted[:, 6:])


def test_a_past_that_is_fed_in_pieces_gives_the_same_logits(network):
    ids = prompt(2, 31)
    with torch.no_grad():
        wanted = network(ids)[0]
    for pieces in ((31,), (1, 30), (10, 1, 20), (1,) * 31):
        reader, at = BufferedPast(network, 2), 0
        for piece in pieces:
            found = reader.feed(ids[:, at : at + piece])
            at += piece
            np.testing.assert_allclose(found, wanted[:, at - 1], atol=3e-5)
        with torch.no_grad():
            np.testing.assert_allclose(reader.past[..., :31, :], network(ids)[1], atol=3e-5)


def test_the_past_is_made_once(network):
    reader = BufferedPast(network, 1)
    place = reader.past.data_ptr()
    reader.feed(prompt(1, 20))
    before = reader.past[..., :20, :].clone()
    for _ in range(20):
        reader.feed(prompt(1, 1))
    assert reader.past.data_ptr() == place and torch.equal(reader.past[..., :20, :], before)
    assert list(reader.past.shape) == [1, TINY.n_layer, 2, TINY.n_head, TINY.n_ctx, TINY.n_embd // TINY.n_head]


@pytest.mark.parametrize("past", READERS)
def test_beyond_the_last_position_the_newest_tokens_are_read_again(network, past):
    start, uniforms = prompt(2, 4), uniforms_of(7, 110, 2)
    found = tokens(network, start, uniforms, keep=16, past=past)
    row = torch.cat([start, found], dim=1)
    begin, end = 0, 4  # what the network sees: tokens begin to end
    for step in range(110):
        if end - begin > TINY.n_ctx:
            begin = end - 16
        with torch.no_grad():
            logits = model(TINY, row[:, begin:end], scope=network.scope)["logits"][:, -1]
        edges = distribution(logits).double().cumsum(-1).numpy()
        for one in range(2):
            expected = np.searchsorted(edges[one], float(uniforms[one, step]) * edges[one, -1], side="right")
            assert int(row[one, end]) == int(expected), (step, one)
        end += 1
    assert begin > 0


def test_a_grammar_is_kept_and_sees_the_row(network):
    seen = []

    def never_twice(row):
        seen.append(len(row))
        mask = np.ones(TINY.n_vocab, bool)
        mask[list(row)] = False
        return mask

    start = torch.tensor([[0, 1, 2], [3, 4, 5]])
    found = torch.cat([start, tokens(network, start, uniforms_of(1, 40, 2), grammars=[never_twice] * 2)], dim=1)
    for row in found.tolist():
        assert len(set(row)) == 43
    assert seen == [n for n in range(3, 43) for _ in range(2)]
    free = torch.cat([start, tokens(network, start, uniforms_of(1, 40, 2))], dim=1)
    assert any(len(set(row)) < 43 for row in free.tolist())


def test_tokens_come_as_they_are_drawn(network):
    stream = generate(network, prompt(), uniforms_of(0, 20))
    first = [int(next(stream)) for _ in range(3)]
    assert not torch.is_inference_mode_enabled()
    stream.close()
    assert first == tokens(network, prompt(), uniforms_of(0, 20))[0, :3].tolist()


def test_a_reader_serves_twice(network):
    reader = BufferedPast(network, 1)
    rows = [tokens(network, prompt(), uniforms_of(3, 30), past=past) for past in (reader, reader, "none")]
    assert torch.equal(rows[0], rows[2]) and torch.equal(rows[1], rows[2])


def test_bfloat16_gives_nearly_the_same_distribution(network):
    ids = prompt(1, 30)
    exact, rough = BufferedPast(network, 1), BufferedPast(network, 1, dtype=torch.bfloat16)
    for piece in ids.split(10, dim=1):
        p, q = exact.feed(piece).softmax(-1), rough.feed(piece).softmax(-1)
        assert float((p - q).abs().sum()) < 0.15 and q.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [({"prompt": torch.zeros(1, 0, dtype=torch.int64)}, "at least one"), ({"prompt": torch.tensor([[61]])}, "0 to 60"),
     ({"uniforms": torch.ones(1, 3)}, "Uniforms must"), ({"uniforms": torch.zeros(2, 3)}, "as many rows"),
     ({"uniforms": torch.zeros(1, 60)}, "do not fit"), ({"keep": 0}, "keep must"), ({"keep": 48}, "keep must"),
     ({"past": "tape"}, "past can be"), ({"grammars": []}, "as many grammars")],
)  # fmt: skip
def test_what_cannot_be_generated_says_why_at_the_call(network, change, message):
    given = {"prompt": prompt(), "uniforms": torch.zeros(1, 3), **change}
    with pytest.raises(SamplingError, match=message):
        generate(network, given.pop("prompt"), given.pop("uniforms"), **given)


def test_a_grammar_that_allows_nothing_says_so(network):
    stream = generate(network, prompt(), torch.zeros(1, 3), grammars=[lambda row: torch.zeros(61, dtype=torch.bool)])
    with pytest.raises(SamplingError, match="allows no token"):
        next(stream)
