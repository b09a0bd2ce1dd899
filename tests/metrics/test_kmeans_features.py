"""K-means features against a patch-by-patch computation in double precision, and Lloyd's algorithm against sklearn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from replication.foundation.errors import InputError
from replication.metrics import kmeans_features
from replication.metrics.kmeans_features import encode, k_means, learn_dictionary, sample_patches, standardise


def some_images(count: int, channels: int = 3, height: int = 7, width: int = 6) -> torch.Tensor:
    stream = np.random.default_rng(0)
    return torch.from_numpy(stream.integers(0, 256, (count, channels, height, width)).astype(np.uint8))


def naive_patch(patch: np.ndarray) -> np.ndarray:
    """A patch of normalised contrast, flat, in double precision."""
    flat = patch.astype(np.float64).ravel()
    return (flat - flat.mean()) / np.sqrt(flat.var(ddof=1) + 10)


def naive_features(image: np.ndarray, size: int, dictionary: kmeans_features.Dictionary) -> np.ndarray:
    """Place by place, centroid by centroid: [4, K]."""
    mean, whitening, centroids = (
        tensor.double().numpy() for tensor in (dictionary.mean, dictionary.whitening, dictionary.centroids)
    )
    height, width = image.shape[1] - size + 1, image.shape[2] - size + 1
    summed = np.zeros((4, len(centroids)))
    for row in range(height):
        for column in range(width):
            point = (naive_patch(image[:, row : row + size, column : column + size]) - mean) @ whitening
            distances = [float(np.linalg.norm(point - centroid)) for centroid in centroids]
            lower, right = row >= (height + 1) // 2, column >= (width + 1) // 2
            for unit, distance in enumerate(distances):
                summed[2 * lower + right, unit] += max(0.0, float(np.mean(distances)) - distance)
    return summed


@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_those_of_every_patch_in_turn(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    images = some_images(5, channels)  # 5 × 4 places: halves of an odd and of an even side
    dictionary = learn_dictionary(images, 7, patch=3, patches=60, iterations=3)
    expected = np.stack([naive_features(image.numpy(), 3, dictionary).ravel() for image in images])
    result = encode(images, dictionary)
    assert result.shape == (5, 4 * 7)
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-4, atol=1e-4)
    half = encode(images, dictionary, storage="float16")
    assert half.dtype == torch.float16
    np.testing.assert_allclose(half.float().numpy(), expected, rtol=2e-3, atol=1e-3)
    monkeypatch.setattr(kmeans_features, "AT_ONCE", {"cpu": 2 * 20 * 7})  # two images a block, the last alone
    monkeypatch.setattr(kmeans_features, "IMAGES", 3)
    torch.testing.assert_close(encode(images, dictionary, threads=2), result)


def test_a_patch_as_large_as_the_image_has_one_place() -> None:
    images = some_images(4, 1, 3, 3)
    dictionary = learn_dictionary(images, 2, patch=3, patches=20, iterations=2)
    result = encode(images, dictionary).unflatten(1, (4, 2))
    assert not result[:, 1:].any()
    np.testing.assert_allclose(result[1, 0], naive_features(images[1].numpy(), 3, dictionary)[0], rtol=1e-4, atol=1e-5)


def test_whitening_leaves_the_covariance_that_its_offset_allows() -> None:
    stream = np.random.default_rng(1)
    patches = torch.from_numpy(stream.normal(size=(400, 5)) @ stream.normal(size=(5, 5)))
    mean, matrix = kmeans_features.fit_whitening(patches)
    values, vectors = np.linalg.eigh(np.cov(patches.numpy(), rowvar=False))
    whitened = (patches - mean) @ matrix
    expected = vectors @ np.diag(values / (values + 0.1)) @ vectors.T  # nearly the identity
    np.testing.assert_allclose(np.cov(whitened.numpy(), rowvar=False), expected, atol=1e-10)
    torch.testing.assert_close(matrix, matrix.T)
    assert abs(expected - np.eye(5)).max() > 1e-3  # the offset is seen


def test_contrast_is_normalised_patch_by_patch() -> None:
    patches = some_images(4, 2, 3, 3).flatten(1).float()
    patches[0] = 77.0  # flat: no contrast to normalise
    expected = np.stack([naive_patch(patch) for patch in patches.numpy()])
    np.testing.assert_allclose(kmeans_features.normalise_contrast(patches).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert not expected[0].any()


def test_patches_are_of_every_image_in_turn_and_of_every_place() -> None:
    image = np.arange(3 * 7 * 6).reshape(1, 3, 7, 6)
    images = torch.from_numpy(np.concatenate([image, image + 126]).astype(np.uint8))
    result = sample_patches(images, 3, 200, np.random.default_rng(0)).numpy()
    places = set()
    for number, patch in enumerate(result):
        row, column = divmod(int(patch[0]) - 126 * (number % 2), 6)
        places.add((row, column))
        assert (patch == images[number % 2, :, row : row + 3, column : column + 3].numpy().ravel()).all()
    assert places == {(row, column) for row in range(5) for column in range(4)}


def test_k_means_is_lloyds_algorithm(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = np.random.default_rng(2)
    points = stream.normal(size=(300, 4)) + 3 * stream.integers(0, 2, (300, 4))
    start = points[:6]
    monkeypatch.setattr(kmeans_features, "CHUNK", 70)
    for iterations in (1, 4):
        options = {"n_init": 1, "max_iter": iterations, "tol": 0, "algorithm": "lloyd"}
        reference = KMeans(6, init=start, **options).fit(points)  # pyright: ignore[reportArgumentType]
        result, objectives = k_means(torch.from_numpy(points), torch.from_numpy(start), iterations, threads=2)
        np.testing.assert_allclose(result.numpy(), reference.cluster_centers_, atol=1e-9)
    nearest = ((points[:, None] - start) ** 2).sum(2).min(1)
    assert objectives[0] == pytest.approx(nearest.mean())
    more = k_means(torch.from_numpy(points), torch.from_numpy(start), 30)[1]
    assert (np.diff(more) <= 1e-12).all() and more[-1] < 0.8 * more[0]
    assert k_means(torch.from_numpy(points), torch.from_numpy(start), 30, threads=3)[1] == more


def test_a_centroid_without_points_becomes_zero() -> None:
    points = torch.tensor([[0.5, 0.0], [3.5, 0.0], [9.0, 1.0]])
    result, objectives = k_means(points, torch.tensor([[2.0, 0.0], [9.0, 0.0], [-50.0, 0.0]]), 1)
    assert result.tolist() == [[2.0, 0.0], [9.0, 1.0], [0.0, 0.0]]
    assert objectives == (pytest.approx((1.5**2 + 1.5**2 + 1.0) / 3),)
    assert k_means(points, result, 1)[0].tolist() == [[3.5, 0.0], [9.0, 1.0], [0.5, 0.0]]  # it wins what is small


def test_a_dictionary_is_its_seeds_alone() -> None:
    images = some_images(6, 1)
    each, same, other = (
        learn_dictionary(images, 4, patch=3, patches=50, iterations=2, seed=seed, threads=threads)
        for seed, threads in ((1, 1), (1, 2), (2, 1))
    )
    assert torch.equal(each.centroids, same.centroids) and each.objectives == same.objectives
    assert not torch.equal(each.centroids, other.centroids)


def test_features_are_standardised_by_the_training_images() -> None:
    train, test = torch.rand(9, 300) * 5, torch.rand(4, 300) * 5
    train[:, 7] = 2.0  # a unit that never varies
    test[:, 7] = 2.0
    mean, spread = train.double().numpy().mean(0), np.sqrt(train.double().numpy().var(0, ddof=1) + 0.01)
    expected = [(part.double().numpy() - mean) / spread for part in (train, test)]
    standardise(train, test)
    for result, wanted in zip((train, test), expected, strict=True):
        np.testing.assert_allclose(result.numpy(), wanted, rtol=1e-5, atol=1e-6)
    assert not train[:, 7].any() and not test[:, 7].any()


def test_what_cannot_be_learnt_is_said_in_one_sentence() -> None:
    images = some_images(3)
    with pytest.raises(InputError, match="7×7"):
        learn_dictionary(images, 2, patch=7, patches=10)
    with pytest.raises(InputError, match="3×3"):
        encode(some_images(2, 3, 2, 2), learn_dictionary(images, 2, patch=3, patches=10, iterations=1))
