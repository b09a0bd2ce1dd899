"""Sums of distances: SciPy's, and the same bits from code just compiled and from numba's cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from replication.metrics.summed_distances import within

SUMS = """
import numpy as np
from replication.metrics.summed_distances import within
for seed in range(20):
    first, second = np.random.default_rng(seed).normal(size=(2, 2, 500))
    print(within(first).hex(), within(second).hex())
"""


def test_sums_are_those_of_scipy() -> None:
    points = np.random.default_rng(0).normal(size=(2, 300))
    assert within(points) == pytest.approx(pdist(points.T).sum(), rel=1e-12)


@pytest.mark.slow
def test_code_from_the_cache_sums_in_the_same_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    root = Path(__file__).parents[2]
    cold, warm = (
        subprocess.run([sys.executable, "-c", SUMS], cwd=root, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    )
    assert cold == warm and len(set(cold.split())) == 40 and list(tmp_path.rglob("*.nbi"))
