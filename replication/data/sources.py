"""Data sets from their sources. What only one source needs is imported where it is read: some of it takes seconds."""

from __future__ import annotations

from dataclasses import replace

from replication.config.datasets import Dataset
from replication.data.contents import ImageSet, PointSet
from replication.data.embedded import draw_points, read_digits


def unpack_source(options: Dataset) -> None:
    """Put the raw files of a folder in place, where an archive has them, so that they can be listed before reading."""
    if options.source == "folder":
        from replication.data.folder import unpack_folder

        unpack_folder(options.raw)


def read_source(options: Dataset) -> ImageSet | PointSet:
    """Read a data set from its source, downloading what is missing; InputError where that fails or is another."""
    if options.source == "toy":
        return draw_points(options.modes, options.standard_deviation, options.points_per_mode, options.seed)
    images, planted = _images(options), options.planted
    if not planted:
        return images
    from replication.data.planted import plant_object  # and torch

    how = planted.share, planted.size, planted.seed
    train, train_places = plant_object(images.train_images, *how, "train")
    test, test_places = plant_object(images.test_images, *how, "test")
    share = f"an object of {planted.size} pixels is planted in a share of {planted.share} of the images"
    reasons = "; ".join(filter(None, (images.not_canonical, share)))
    places = {"train_places": train_places, "test_places": test_places}
    return replace(images, train_images=train, test_images=test, not_canonical=reasons, planted_places=places)


def _images(options: Dataset) -> ImageSet:
    raw, size = options.raw, options.image_size
    if options.source == "digits":
        return read_digits()
    if options.source in ("celeba", "lsun"):
        from replication.data.photographs import read_celeba, read_lsun

        return (read_celeba if options.source == "celeba" else read_lsun)(raw, size, options.limit)
    if options.source == "folder":
        from replication.data.folder import read_folder

        return read_folder(raw, size, options.channels or 3, options.licence)
    from replication.data.vision import read_cifar10, read_mnist, read_svhn

    return {"mnist": read_mnist, "cifar10": read_cifar10, "svhn": read_svhn}[options.source](raw)
