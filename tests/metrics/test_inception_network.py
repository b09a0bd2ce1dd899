"""The Inception network: which file is taken for it, and that its features are torch-fidelity's own."""

from __future__ import annotations

import pickle
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import nn

from replication.foundation.errors import InputError
from replication.foundation.provenance import sha256_file
from replication.metrics import inception_network
from replication.metrics.inception_network import NAME, SHA256, inception_features, inception_weights, load_inception


class Planted(nn.Module):
    """Features that tell which image and which channels they come from."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1))
        self.batches: list[int] = []

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert images.dtype == torch.uint8 and images.shape[1] == 3
        self.batches.append(len(images))
        means = images.float().mean((2, 3))  # [B, 3]
        return means[:, :1].repeat(1, 2048), means.sum(1, keepdim=True).repeat(1, 1008)


def offline(*_: object, **__: object) -> None:
    raise URLError("no route to host")


def test_weights_that_are_there_are_taken_if_their_hash_is_right(tmp_path: Path) -> None:
    file = tmp_path / "own.pth"
    file.write_bytes(b"weights")
    assert inception_weights(str(file), tmp_path, sha256_file(file)) == file
    (tmp_path / NAME).write_bytes(b"weights")
    assert inception_weights("", tmp_path, sha256_file(file)) == tmp_path / NAME


def test_a_missing_or_other_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    (tmp_path / "other").write_bytes(b"others")
    for path, named in (("mine", f"{tmp_path}/mine"), ("other", "SHA-256"), ("", "no route to host")):
        with pytest.raises(InputError, match=named):
            inception_weights(f"{tmp_path}/{path}" if path else "", tmp_path / "new")


def test_a_download_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []

    def download(address: str, file: str, hash_prefix: str) -> None:
        asked.append((address, file, hash_prefix))
        Path(file).write_bytes(b"cut off")

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(InputError, match="SHA-256"):
        inception_weights("", tmp_path)
    assert asked == [(inception_network.ADDRESS, str(tmp_path / NAME), SHA256)]


def test_a_file_that_is_damaged_or_holds_other_weights_is_one_sentence(tmp_path: Path) -> None:
    file, other = tmp_path / "weights.pth", "weights.pth does not hold"
    with pytest.raises(InputError, match="weights.pth"):
        load_inception(file)
    torch.save(nn.Linear(2048, 1000).state_dict(), file)
    for content in (file.read_bytes(), file.read_bytes()[:100], b"", b"no weights", pickle.dumps({"a": Path}, 2)):
        file.write_bytes(content)
        with pytest.raises(InputError, match=other):
            load_inception(file)
    torch.save({"fc.weight": torch.zeros(1000, 2048)}, file)  # torchvision's InceptionV3 has 1000 classes
    with pytest.raises(InputError, match=other):
        load_inception(file)


def test_features_come_in_the_order_of_the_images_grey_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(inception_network.BATCH, "cpu", 3)
    network = Planted()
    grey = np.arange(7, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 4, 4), np.uint8)
    result = inception_features(network, grey)
    assert network.batches == [3, 3, 1]
    assert (result.pool3.shape, result.logits.shape, len(result)) == ((7, 2048), (7, 1008), 7)
    assert result.pool3[:, 5].tolist() == list(range(7)) and result.logits[:, 5].tolist() == [3 * i for i in range(7)]
    assert result[np.array([6, 6])].pool3[:, 0].tolist() == [6, 6]


@pytest.mark.slow
def test_the_network_is_torch_fidelitys_and_its_logits_have_no_bias(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch_fidelity import feature_extractor_inceptionv3 as theirs

    with monkeypatch.context() as patched:  # a network of random weights: theirs cannot be built without a file
        patched.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: {})
        patched.setattr(theirs.FeatureExtractorInceptionV3, "load_state_dict", lambda *_, **__: None)
        torch.manual_seed(0)
        oracle = theirs.FeatureExtractorInceptionV3("oracle", ["2048", "logits"])
    torch.nn.init.normal_(oracle.fc.bias)
    file = tmp_path / "random.pth"
    torch.save(oracle.state_dict(), file)
    network = load_inception(file)
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32)).astype(np.uint8)
    result = inception_features(network, images)
    pool3, biased = oracle(torch.from_numpy(images))
    np.testing.assert_allclose(result.pool3, pool3.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(result.logits + oracle.fc.bias.detach().numpy(), biased.numpy(), rtol=1e-3, atol=1e-4)
    grey = inception_features(network, images[:, :1])
    np.testing.assert_allclose(grey.pool3, inception_features(network, images[:, :1].repeat(3, 1)).pool3, atol=1e-5)
    state = {name: tensor for name, tensor in oracle.state_dict().items() if "Mixed_7c" not in name}
    torch.save(state, file)
    with pytest.raises(InputError, match="random.pth does not hold"):
        load_inception(file)


CIFAR10, WEIGHTS = Path("outputs/data/cifar10"), inception_network.PLACE / NAME


@pytest.mark.slow
@pytest.mark.skipif(not (CIFAR10.is_dir() and WEIGHTS.is_file()), reason="needs CIFAR-10 and the Inception weights")
def test_real_cifar10_images_score_as_published() -> None:
    from replication.data.reading import load_images
    from replication.foundation.runtime import prepare_device
    from replication.metrics.inception import inception_score

    device = prepare_device("cuda" if torch.cuda.is_available() else "cpu")
    network = load_inception(inception_weights(), device)
    result = inception_features(network, load_images(CIFAR10).train_images)
    mean, deviation = inception_score(result.logits, 10)
    assert (mean, deviation) == pytest.approx((11.237, 0.095), abs=0.005)
