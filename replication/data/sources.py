"""Every source of `params.yaml` by name; the modules behind them load only when theirs is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from replication.config.datasets import Dataset, Planted
from replication.data.contents import ImageSet, PointSet


def read_source(options: Dataset) -> ImageSet | PointSet:
    """Read a data set from its source, downloading what is missing.

    Raises:
        InputError: the raw files cannot be had or are not what the source expects.
    """
    contents = SOURCES[options.source](options)
    return _planted(contents, options.planted) if options.planted and isinstance(contents, ImageSet) else contents


def _planted(contents: ImageSet, planted: Planted) -> ImageSet:
    """The images with an object in some of them, and where it is."""
    from replication.data.planted import plant_object

    train, train_places = plant_object(contents.train_images, planted.share, planted.size, planted.seed, "train")
    test, test_places = plant_object(contents.test_images, planted.share, planted.size, planted.seed, "test")
    share = f"an object of {planted.size} pixels is planted in a share of {planted.share} of the images"
    return replace(
        contents,
        train_images=train,
        test_images=test,
        not_canonical="; ".join(part for part in (contents.not_canonical, share) if part),
        planted_places={"train_places": train_places, "test_places": test_places},
    )


def _digits(options: Dataset) -> ImageSet:
    from replication.data.digits import read_digits

    return read_digits()


def _toy(options: Dataset) -> PointSet:
    from replication.data.toy import draw_points

    return draw_points(options.modes, options.standard_deviation, options.points_per_mode, options.seed)


def _mnist(options: Dataset) -> ImageSet:
    from replication.data.vision import read_mnist

    return read_mnist(options.raw)


def _cifar10(options: Dataset) -> ImageSet:
    from replication.data.vision import read_cifar10

    return read_cifar10(options.raw)


def _svhn(options: Dataset) -> ImageSet:
    from replication.data.vision import read_svhn

    return read_svhn(options.raw)


def _celeba(options: Dataset) -> ImageSet:
    from replication.data.photographs import read_celeba

    return read_celeba(options.raw, options.image_size, options.limit)


def _lsun(options: Dataset) -> ImageSet:
    from replication.data.photographs import read_lsun

    return read_lsun(options.raw, options.image_size, options.limit)


def _folder(options: Dataset) -> ImageSet:
    from replication.data.folder import read_folder

    return read_folder(options.raw, options.image_size, options.channels or 3, options.licence)


SOURCES: Mapping[str, Callable[[Dataset], ImageSet | PointSet]] = {
    "digits": _digits,
    "toy": _toy,
    "mnist": _mnist,
    "cifar10": _cifar10,
    "svhn": _svhn,
    "celeba": _celeba,
    "lsun": _lsun,
    "folder": _folder,
}
