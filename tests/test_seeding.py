"""Random streams: independent by seed, purpose and position, and nothing else moves them."""

from __future__ import annotations

import numpy as np
import torch

from replication.foundation.seeding import generator, torch_seed


def test_a_stream_is_a_function_of_seed_purpose_and_position() -> None:
    # One purpose always has as many positions: NumPy takes a missing one for zero.
    named = [
        (s, p, *at) for s in (0, 1) for p, at in (("noise", (0,)), ("noise", (1,)), ("order", (0,)), ("a", (1, 2)))
    ]
    named.append((0, "a", 2, 1))
    drawn = [generator(*name).integers(2**63, size=4).tolist() for name in named]
    assert len({tuple(values) for values in drawn}) == len(named)
    assert [generator(*name).integers(2**63, size=4).tolist() for name in named] == drawn


def test_streams_of_neighbouring_seeds_are_unrelated() -> None:
    draws = np.stack([generator(seed, "noise").standard_normal(4000) for seed in range(6)])
    correlation = np.corrcoef(draws) - np.eye(6)
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)


def test_torch_stream_is_set_and_put_back() -> None:
    torch.manual_seed(5)
    expected = torch.rand(6)
    torch.manual_seed(5)
    before = torch.rand(3)
    with torch_seed(2, "initial"):
        first = torch.rand(3)
    after = torch.rand(3)
    assert torch.equal(torch.cat([before, after]), expected)
    with torch_seed(2, "initial"):
        assert torch.equal(torch.rand(3), first)
    with torch_seed(2, "judge"):
        assert not torch.equal(torch.rand(3), first)
