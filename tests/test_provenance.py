"""Hashes against published test vectors, the import closure of a made-up package, and random streams."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from replication.foundation import provenance
from replication.foundation.errors import InputError
from replication.foundation.provenance import PACKAGES, code_hash, environment, import_closure, sha256_file, sha256_text
from replication.foundation.seeding import generator, torch_seed

# FIPS 180-2, appendix B.1; and the hash of nothing.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SOURCES = {
    "package/__init__.py": "",
    "package/entry.py": "import os\nimport numpy as np\nfrom package.first import name\nfrom package import second\n",
    "package/first.py": "def f():\n    import package.deep.third\n",
    "package/second/__init__.py": "from package.second.inner import x\n",
    "package/second/inner.py": "import package.entry\n",
    "package/deep/__init__.py": "",
    "package/deep/third.py": "from __future__ import annotations\n",
    "package/deep/unused.py": "import package.first\n",
    "package/other.py": "import package.entry\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_hashes(tmp_path: Path) -> None:
    assert sha256_text("abc") == ABC and sha256_text("") == EMPTY
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_file(tmp_path / "abc") == ABC
    large = bytes(range(256)) * 5000
    (tmp_path / "large").write_bytes(large)
    assert sha256_file(tmp_path / "large") == hashlib.sha256(large).hexdigest()


def test_the_closure_is_what_an_import_runs(root: Path) -> None:
    closure = [str(file.relative_to(root)) for file in import_closure(root / "package/entry.py", root)]
    assert closure == sorted(set(SOURCES) - {"package/deep/unused.py", "package/other.py"})
    leaf = import_closure(root / "package/deep/third.py", root)
    assert leaf == (root / "package/deep/third.py",)


def test_the_code_hash_sees_names_and_contents_but_no_order_and_no_place(root: Path) -> None:
    files = [root / name for name in SOURCES]
    before = code_hash(files, root)
    assert code_hash(reversed(files), root) == before
    assert code_hash(files[1:], root) != before
    elsewhere = shutil.copytree(root, root / "elsewhere")
    assert code_hash([elsewhere / name for name in SOURCES], elsewhere) == before
    renamed = files[-1].rename(root / "package/others.py")
    assert code_hash([*files[:-1], renamed], root) != before
    renamed.rename(files[-1])
    files[1].write_text(SOURCES["package/entry.py"] + "\n", encoding="utf-8")
    assert code_hash(files, root) != before


def test_a_version_that_cannot_be_read_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "version", lambda _: None)  # as of a package whose files may not be read
    with pytest.raises(InputError, match="version of torch"):
        environment("cpu", 1)


def test_the_environment_names_versions_and_hardware() -> None:
    values = environment("cpu", 2)
    assert list(values) == ["python", *PACKAGES, "device", "threads", "system"]
    assert all(isinstance(value, str) and value for key, value in values.items() if key != "threads")
    assert values["threads"] == 2 and "cores)" in str(values["device"])
    assert environment("cpu", 2) == values  # no clock in it: it is part of a checkpoint's key


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
