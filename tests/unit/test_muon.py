"""Muon against the singular value decomposition, and its Adam against torch's."""

import pytest
import torch
from torch import nn

from core.muon import MuonAdam, muon_for, orthogonalise


@pytest.mark.parametrize("shape", [(8, 8), (16, 6), (6, 16), (3, 12, 5)])
def test_orthogonalise_keeps_the_singular_vectors_and_evens_the_values(shape):
    torch.manual_seed(0)
    g = torch.randn(*shape)
    found = orthogonalise(g)
    u, _, v = torch.linalg.svd(g, full_matrices=False)
    inside = u.mT @ found @ v.mT  # diagonal, if the singular vectors are the same
    values = torch.diagonal(inside, dim1=-2, dim2=-1)
    assert torch.allclose(inside, torch.diag_embed(values), atol=2e-3)
    assert 0.5 < float(values.min()) and float(values.max()) < 1.3


def test_the_other_parameters_follow_adam():
    torch.manual_seed(0)
    ours, theirs = nn.Parameter(torch.randn(5)), None
    theirs = nn.Parameter(ours.detach().clone())
    mine = MuonAdam([], [ours], lr=0.01)
    reference = torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.99))
    for step in range(20):
        for p in (ours, theirs):
            p.grad = torch.cos(p.detach() * (step + 1))
        mine.step()
        reference.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_matrix_moves_by_the_rate_in_every_direction():
    torch.manual_seed(0)
    w = nn.Parameter(torch.zeros(6, 6))
    w.grad = torch.randn(6, 6) * 1e-3  # its size does not matter
    MuonAdam([w], [], lr=0.1, ratio=2.0).step()
    values = torch.linalg.svdvals(w.detach())
    assert 0.1 < float(values.min()) and float(values.max()) < 0.26  # lr x ratio x (0.5 ... 1.3)
    assert float((w.detach() * w.grad).sum()) < 0  # downhill


def test_inner_matrices_go_to_muon_and_all_that_learns_is_there_once():
    network = nn.ModuleDict({"embed": nn.Embedding(5, 4), "layers": nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3))})
    network["frozen"] = nn.Linear(2, 2).requires_grad_(False)
    others, matrices = muon_for(network, inner=("layers.",)).param_groups
    assert [p.shape for p in matrices["params"]] == [(3, 4)] and matrices["muon"]
    assert sorted(tuple(p.shape) for p in others["params"]) == [(3,), (3,), (3,), (5, 4)] and not others["muon"]
