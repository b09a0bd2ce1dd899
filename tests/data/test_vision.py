"""torchvision's data sets, in miniature and in their own file formats, and what goes wrong while files are fetched."""

from __future__ import annotations

import errno
import gzip
import hashlib
import pickle
import socket
import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from scipy.io import savemat

from replication.data.contents import ImageSet
from replication.data.download import PATIENCE, fetching, hashed
from replication.foundation.errors import InputError
from tests.security.held import RAN, pickled

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "mnist"
CIFAR10 = "cifar-10-batches-py"  # the folder that the original archive unpacks to
RANDOM = np.random.default_rng(0)


def read(name: str, root: Path) -> ImageSet:
    """Read a data set through torchvision, whose import takes two seconds of the process that runs this file alone."""
    from replication.data import vision

    return getattr(vision, f"read_{name}")(root)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise URLError("no network in tests")

    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", refuse)
    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", refuse)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def idx(array: np.ndarray) -> bytes:
    """MNIST's own format: two zero bytes, type 8 (uint8), the number of dimensions, each size, the bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Five training and three test images as .gz files whose sums torchvision is made to expect."""
    from replication.data.vision import MNIST_UNPACKED

    arrays = {}
    for name in MNIST_UNPACKED:
        n = 5 if name.startswith("train") else 3
        arrays[name] = RANDOM.integers(0, 10, n) if "labels" in name else RANDOM.integers(0, 256, (n, 28, 28))
    place = tmp_path / "MNIST" / "raw"
    place.mkdir(parents=True)
    packed = {name: gzip.compress(idx(array)) for name, array in arrays.items()}
    for name, content in packed.items():
        (place / f"{name}.gz").write_bytes(content)
    sums = [(f"{name}.gz", md5(content)) for name, content in packed.items()]
    monkeypatch.setattr("torchvision.datasets.MNIST.resources", sums)
    unpacked = {name: md5(idx(array)) for name, array in arrays.items()}
    monkeypatch.setattr("replication.data.vision.MNIST_UNPACKED", unpacked)
    return arrays


def test_mnist_from_files_put_into_place(tmp_path: Path, mnist: dict[str, np.ndarray]) -> None:
    data = read("mnist", tmp_path)
    for part, images, labels in (("train", data.train_images, data.train_labels),
                                 ("t10k", data.test_images, data.test_labels)):  # fmt: skip
        np.testing.assert_array_equal(images[:, 0], mnist[f"{part}-images-idx3-ubyte"])
        np.testing.assert_array_equal(labels, mnist[f"{part}-labels-idx1-ubyte"])
    assert (data.train_images.shape, data.train_images.dtype) == ((5, 1, 28, 28), np.uint8)
    assert not data.not_canonical


def test_mnist_with_a_wrong_checksum_is_one_sentence(tmp_path: Path, mnist: dict[str, np.ndarray]) -> None:
    file = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    file.write_bytes(gzip.compress(idx(mnist["train-images-idx3-ubyte"] ^ 1)))
    with pytest.raises(InputError, match=r"MNIST are missing or damaged .*: put train-images.*gz into .*MNIST/raw"):
        read("mnist", tmp_path)


def test_mnist_unpacked_but_damaged_is_one_sentence(tmp_path: Path, mnist: dict[str, np.ndarray]) -> None:
    """What a killed extraction leaves behind, or an old cache, which torchvision would trust."""
    read("mnist", tmp_path)
    file = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    for content in (b"", b"\x00\x00\x08\x01\x00\x00\x00\x09short"):
        file.write_bytes(content)
        with pytest.raises(InputError, match="t10k-labels-idx1-ubyte is not the original file: remove it"):
            read("mnist", tmp_path)
    (tmp_path / "MNIST" / "processed").mkdir()
    with pytest.raises(InputError, match="processed is an old cache"):
        read("mnist", tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "place"),
    [
        ("mnist", "t10k-labels-idx1-ubyte.gz", "raw/new/MNIST/raw"),
        ("cifar10", "cifar-10-python.tar.gz", "raw/new"),
        ("svhn", "test_32x32.mat", "raw/new"),
    ],
)
def test_offline_without_data_says_which_files_to_put_where(tmp_path: Path, name: str, file: str, place: str) -> None:
    with pytest.raises(InputError, match=f"no network in tests.*put .*{file} into .*{place} and run") as caught:
        read(name, tmp_path / "raw" / "new")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the original MNIST files are not on this machine")
def test_the_original_mnist_files_have_the_sums_written_here() -> None:
    """torchvision's own sums vouch for the .gz files; what is inside them has the sums of MNIST_UNPACKED."""
    from torchvision.datasets import MNIST

    from replication.data.vision import MNIST_UNPACKED

    for name, digest in MNIST.resources:
        packed = (SHARED / name).read_bytes()
        assert md5(packed) == digest
        assert md5(gzip.decompress(packed)) == MNIST_UNPACKED[name.removesuffix(".gz")]


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Two batches of three images and a test batch, as the original pickles lay them out."""
    place = tmp_path / CIFAR10
    place.mkdir()
    batches = {name: RANDOM.integers(0, 256, (3, 3072), dtype=np.uint8) for name in ("data_1", "data_2", "test")}
    sums = {}
    for name, pixels in batches.items():
        content = pickle.dumps({"data": pixels, "labels": [0, 1, 1]})
        (place / name).write_bytes(content)
        sums[name] = md5(content)
    meta = pickle.dumps({"label_names": ["airplane", "automobile"]})
    (place / "meta").write_bytes(meta)
    *train, test = map(list, sums.items())
    described = {"filename": "meta", "key": "label_names", "md5": md5(meta)}
    for name, value in {"train_list": train, "test_list": [test], "meta": described}.items():
        monkeypatch.setattr(f"torchvision.datasets.CIFAR10.{name}", value)
    return batches


def test_cifar10_planes_become_channels(tmp_path: Path, cifar10: dict[str, np.ndarray]) -> None:
    data = read("cifar10", tmp_path)
    assert data.train_images.shape == (6, 3, 32, 32)
    for channel, y, x in [(0, 0, 0), (1, 4, 7), (2, 31, 30)]:
        assert data.train_images[4, channel, y, x] == cifar10["data_2"][1, channel * 1024 + y * 32 + x]
    np.testing.assert_array_equal(data.test_images.reshape(3, -1), cifar10["test"])
    assert data.train_labels.tolist() == [0, 1, 1] * 2
    assert data.class_names == ("airplane", "automobile")
    assert set(data.raw_inputs) == {"data_1", "data_2", "test"}


@pytest.mark.parametrize("name", ["data_2", "test", "meta"])
def test_a_foreign_cifar10_pickle_is_never_opened(
    tmp_path: Path, cifar10: dict[str, np.ndarray], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / CIFAR10 / name).write_bytes(pickled())
    with pytest.raises(InputError, match="CIFAR-10 are missing or damaged"):
        read("cifar10", tmp_path)
    assert not RAN.exists()
    pickle.loads(pickled())
    assert RAN.exists()  # the payload does work, so the line above says something


def test_svhn_digit_ten_is_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = RANDOM.integers(0, 256, (32, 32, 3, 4), dtype=np.uint8)
    expected = {}
    for split in ("train", "test"):
        file = tmp_path / f"{split}_32x32.mat"
        savemat(file, {"X": pixels, "y": np.array([[10], [1], [9], [10]], dtype=np.uint8)})
        expected[split] = ["", file.name, md5(file.read_bytes())]
    monkeypatch.setattr("torchvision.datasets.SVHN.split_list", expected)
    data = read("svhn", tmp_path)
    assert data.train_labels.tolist() == [0, 1, 9, 0]
    assert data.test_images.shape == (4, 3, 32, 32)
    assert data.train_images[2, 1, 5, 8] == pixels[5, 8, 1, 2]
    (tmp_path / "test_32x32.mat").write_bytes(b"short")
    with pytest.raises(InputError, match="SVHN are missing or damaged"):
        read("svhn", tmp_path)


class Refused(Exception):
    """Stands for the exceptions of gdown, which share no class with anything."""

    __module__ = "gdown.exceptions"


@pytest.mark.parametrize(
    "error", [URLError("no\nroute"), RuntimeError("no route"), EOFError("no route"), Refused("no route")]
)
def test_a_failure_says_which_files_to_put_where(error: Exception) -> None:
    sentence = r"of Faces are missing .*no route.*: put a.zip, b.txt into data/raw/f .*; checked"
    with (
        pytest.raises(InputError, match=sentence),
        fetching("Faces", Path("data/raw/f"), ["a.zip", "b.txt"], "checked"),
    ):
        raise error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), TypeError("a mistake"), InputError("said")])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error).replace("[", r"\[")), fetching("Faces", Path("f"), [], ""):
        raise error


def test_a_silent_server_is_not_waited_for_and_raw_files_are_hashed_by_name(tmp_path: Path) -> None:
    before = socket.getdefaulttimeout()
    with fetching("Faces", Path("f"), [], ""):
        assert socket.getdefaulttimeout() == PATIENCE
    assert socket.getdefaulttimeout() == before
    (tmp_path / "a").write_bytes(b"abc")
    assert hashed(tmp_path, ["a"]) == {"a": hashlib.sha256(b"abc").hexdigest()}
