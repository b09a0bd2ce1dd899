"""The original Inception network (TensorFlow's of 2015-12-05), as torch-fidelity converted it, and its features.

The weights are downloaded once into `data/weights/`, or read from a path; their SHA-256 must be the pinned one.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from replication.data.download import fetching
from replication.foundation.errors import InputError
from replication.foundation.provenance import sha256_file

NAME = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{NAME}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
PLACE = Path("data/weights")
CLASSES, FEATURES = 1008, 2048
BATCH = {"cpu": 32, "cuda": 256}
_UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, BadZipFile, AttributeError, KeyError, ValueError)


@dataclass(frozen=True)
class InceptionFeatures:
    """pool3 float32 [n, 2048], and logits float32 [n, 1008] without bias, as the inception score has them."""

    pool3: np.ndarray
    logits: np.ndarray

    def __getitem__(self, rows: np.ndarray | slice) -> InceptionFeatures:
        return InceptionFeatures(self.pool3[rows], self.logits[rows])

    def __len__(self) -> int:
        return len(self.pool3)


def inception_weights(path: str = "", place: Path = PLACE, sha256: str = SHA256) -> Path:
    """The file of weights: `path`, or else the one in `place`, downloaded once; InputError: it has another hash."""
    file = Path(path) if path else place / NAME
    if path and not file.is_file():
        raise InputError(
            f"There are no Inception weights at {file}: put {NAME} there, or leave "
            "inception.weights empty to download it."
        )
    if not file.is_file():
        place.mkdir(parents=True, exist_ok=True)
        with fetching("the Inception network", place, [NAME], "its SHA-256 is checked"):
            torch.hub.download_url_to_file(ADDRESS, str(file), hash_prefix=sha256)
    digest = sha256_file(file)
    if digest != sha256:
        raise InputError(
            f"{file} is not the original Inception network: its SHA-256 begins with {digest[:16]}, not {sha256[:16]}; "
            f"remove it and put {NAME} from {ADDRESS} in its place."
        )
    return file


def load_inception(file: Path, device: str = "cpu") -> nn.Module:
    """The network of a file of weights, read as tensors alone; InputError: it is damaged, or another architecture's."""
    # Imported here: it takes seconds, and most cells are not scored by Inception.
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    other = f"{file} does not hold the weights of torch-fidelity's InceptionV3: put {NAME} from {ADDRESS} in its place."
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"There are no Inception weights at {file}: put {NAME} there.") from error
    except _UNREADABLE as error:
        raise InputError(other) from error
    if not isinstance(state, dict) or getattr(state.get("fc.weight"), "shape", ()) != (CLASSES, FEATURES):
        raise InputError(other)
    checked = io.BytesIO()  # torch-fidelity would unpickle the file itself: it is handed the tensors read above
    torch.save(state, checked)
    checked.seek(0)
    try:
        network = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], checked)  # type: ignore[arg-type]
    except RuntimeError as error:
        raise InputError(other) from error
    return network.to(device)


def output_bias(network: nn.Module) -> np.ndarray:
    """The last layer's bias float32 [1008], which the inception score leaves out and some implementations keep."""
    return network.get_parameter("fc.bias").detach().cpu().numpy()


@torch.no_grad()
def inception_features(network: nn.Module, images: np.ndarray, what: str = "images") -> InceptionFeatures:
    """Features of uint8 images [n, 1 or 3, H, W] of any size, on the network's device; one channel is shown as grey."""
    device = next(network.parameters()).device
    if device.type == "cuda":  # TF32 would move scores
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    size = BATCH.get(device.type, BATCH["cpu"])
    pool3 = np.empty((len(images), FEATURES), np.float32)
    logits = np.empty((len(images), CLASSES), np.float32)
    with tqdm(total=len(images), desc=f"Inception: {what}", unit="image") as progress:
        for start in range(0, len(images), size):
            part = torch.from_numpy(images[start : start + size]).to(device)
            outputs = network(part.expand(-1, 3, -1, -1))
            for target, values in zip((pool3, logits), outputs, strict=True):
                target[start : start + size] = values.cpu().numpy()
            progress.update(len(part))
    return InceptionFeatures(pool3, logits)
