"""MNIST, CIFAR-10 and SVHN through torchvision: downloaded once, or put into place by hand, and always verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torchvision.datasets import CIFAR10, MNIST, SVHN
from torchvision.datasets.utils import check_integrity

from replication.data.contents import ImageSet
from replication.data.download import fetching, hashed
from replication.foundation.errors import InputError

LIBRARIES = ("numpy", "torch", "torchvision")
CHECKED = "torchvision checks their MD5 sums"
# torchvision checks the .gz files that it unpacks, and trusts what already lies unpacked: these are the sums of that.
MNIST_UNPACKED = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def read_mnist(root: Path) -> ImageSet:
    """MNIST [n, 1, 28, 28] from `root`/MNIST/raw, downloaded where it is missing; InputError where that fails."""
    place = root / "MNIST" / "raw"
    with fetching("MNIST", place, [name for name, _ in MNIST.resources], CHECKED):
        if (root / "MNIST" / "processed").exists():
            raise InputError(f"{root}/MNIST/processed is an old cache that would be read unchecked: remove it.")
        for name, digest in MNIST_UNPACKED.items():
            if (place / name).exists() and not check_integrity(place / name, digest):
                raise InputError(f"{place / name} is not the original file: remove it and run the command again.")
        train, test = (MNIST(root, train=train, download=True) for train in (True, False))
    arrays = [array for part in (train, test) for array in (part.data.numpy()[:, None], part.targets.numpy())]
    return ImageSet(
        *arrays,
        class_names=tuple("0123456789"),
        licence="CC BY-SA 3.0 (LeCun, Cortes and Burges; derived from NIST's data)",
        libraries=LIBRARIES,
        raw_inputs=hashed(place, MNIST_UNPACKED),
    )


def read_cifar10(root: Path) -> ImageSet:
    """CIFAR-10 [n, 3, 32, 32] from `root`/cifar-10-batches-py, downloaded where missing; InputError if that fails."""
    # The batches are pickles; torchvision opens one only after its MD5 sum proved it the original.
    with fetching("CIFAR-10", root, [CIFAR10.filename], CHECKED):
        train, test = (CIFAR10(root, train=train, download=True) for train in (True, False))
    batches = [name for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list)]
    images = [np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)) for part in (train, test)]
    labels = [np.array(part.targets, dtype=np.int64) for part in (train, test)]
    return ImageSet(
        *(images[0], labels[0], images[1], labels[1]),
        class_names=tuple(train.classes),
        licence="none stated by its author (Krizhevsky 2009)",
        libraries=LIBRARIES,
        raw_inputs=hashed(root / CIFAR10.base_folder, batches),
    )


def read_svhn(root: Path) -> ImageSet:
    """SVHN's cropped digits [n, 3, 32, 32] from `root`, downloaded where missing; label 0 is the digit 0.

    InputError where the download fails.
    """
    files = [SVHN.split_list[split][1] for split in ("train", "test")]
    with fetching("SVHN", root, files, CHECKED):
        train, test = (SVHN(root, split=split, download=True) for split in ("train", "test"))
    parts = [(np.ascontiguousarray(part.data), part.labels.astype(np.int64)) for part in (train, test)]
    return ImageSet(
        *(*parts[0], *parts[1]),
        class_names=tuple("0123456789"),
        licence="for non-commercial use only (Netzer et al. 2011)",
        libraries=(*LIBRARIES, "scipy"),
        raw_inputs=hashed(root, files),
    )
