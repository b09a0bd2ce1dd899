"""A folder of images, or the archive beside it: what is read, and what is refused in one sentence."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replication.data.folder import read_folder
from replication.foundation.errors import InputError
from tests.pictures import save_picture


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Written out of order: dog before cat, the second image before the first."""
    root = tmp_path / "pets"
    shades = {"train/dog/b": 40, "train/dog/a": 30, "train/cat/10": 10, "train/cat/2": 20, "test/dog/z": 50}
    for name, shade in shades.items():
        save_picture(root / f"{name}.{'PNG' if name.endswith('a') else 'png'}", shade)
    return root


def test_classes_and_files_come_in_the_order_of_their_names(root: Path) -> None:
    data = read_folder(root, licence="mine")
    assert data.class_names == ("cat", "dog")
    assert data.train_images[:, 0, 0, 0].tolist() == [10, 20, 30, 40]
    assert data.train_labels.tolist() == [0, 0, 1, 1]
    assert (data.test_images[:, 0, 0, 0].tolist(), data.test_labels.tolist()) == ([50], [1])
    assert data.train_images.shape == (4, 3, 4, 4)
    assert data.licence == "mine" and data.not_canonical
    (root / "train" / ".DS_Store").write_text("x")  # hidden files of desktops are passed over
    (root / "train" / "cat" / "._2.png").write_text("x")
    assert len(read_folder(root).train_images) == 4


def test_the_listing_hash_sees_a_changed_and_a_renamed_file(root: Path) -> None:
    def digest() -> list[str]:
        return list(read_folder(root).raw_inputs.values())

    before = digest()
    assert digest() == before
    (root / "train/dog/b.png").rename(root / "train/dog/c.png")
    renamed = digest()
    save_picture(root / "train/dog/c.png", 41)
    assert len({*before, *renamed, *digest()}) == 3


def test_a_flat_folder_has_no_labels_and_no_test_part(tmp_path: Path) -> None:
    save_picture(tmp_path / "flat/images/a.png", 1, (8, 6))
    save_picture(tmp_path / "flat/images/b.png", 2, (6, 9))
    data = read_folder(tmp_path / "flat", image_size=5, channels=1)
    assert data.train_images.shape == (2, 1, 5, 5) and len(data.test_images) == 0
    assert data.class_names == ("unlabelled",)


def cut_off(root: Path) -> None:
    file = root / "train/cat/2.png"
    file.write_bytes(file.read_bytes()[:-30])


def without_classes(root: Path) -> None:
    shutil.rmtree(root / "train")
    (root / "train").mkdir()


def in_two_forms_of_unicode(root: Path) -> None:
    for name in ("caf\u00e9", "cafe\u0301"):
        save_picture(root / "train" / name / "1.png")


def text_at(place: str) -> Callable[[Path], object]:
    return lambda root: (root / place).write_text("x")


REFUSED: list[tuple[Callable[[Path], object], str]] = [
    (shutil.rmtree, r"There is no folder .*pets, nor .*pets.tar.*put train/<class>/"),
    (lambda root: (root / "train/emu").mkdir(), "train/emu has no images"),
    (cut_off, r"train/cat/2.png is no readable JPEG"),
    (text_at("train/cat/notes.txt"), "notes.txt is no image file"),
    (text_at("train/notes.txt"), "notes.txt lies beside the class folders"),
    (
        lambda root: save_picture(root / "test/emu/a.png", 1),
        "test/emu is a class without training images; known: cat, dog",
    ),
    (lambda root: (root / "train").rename(root / "odd"), "pets has neither train/ nor images/"),
    (without_classes, "no class folders and so no images"),
    (in_two_forms_of_unicode, "Unicode"),
]


@pytest.mark.parametrize(("change", "sentence"), REFUSED)
def test_what_is_no_data_set_is_named(root: Path, change: Callable[[Path], object], sentence: str) -> None:
    change(root)
    with pytest.raises(InputError, match=sentence):
        read_folder(root)


def test_an_unreadable_file_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, most: int) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("replication.data.folder.read_bytes", refuse)
    with pytest.raises(InputError, match=r"cat/10.png cannot be read \(Permission denied\)"):
        read_folder(root)


@pytest.mark.parametrize("kind", ["tar", "xztar", "gztar", "bztar", "zip"])
def test_an_archive_gives_what_its_folder_gives_also_once_it_is_replaced(root: Path, kind: str) -> None:
    place = root.with_name("packed")
    for shade in (40, 41):
        save_picture(root / "train/dog/b.png", shade)
        expected = read_folder(root)
        shutil.make_archive(str(place), kind, root)
        data = read_folder(place)
        np.testing.assert_array_equal(data.train_images, expected.train_images)
        assert data.raw_inputs == expected.raw_inputs


def test_two_archives_are_one_too_many_and_what_lies_beside_a_folder_of_ones_own_is_not_read(root: Path) -> None:
    expected = read_folder(root).raw_inputs
    root.with_name("pets.zip").write_bytes(b"something else")
    data = read_folder(root)
    assert data.raw_inputs == expected and "pets.zip is not read" in data.not_canonical
    for kind in ("tar", "zip"):
        shutil.make_archive(str(root.with_name("packed")), kind, root)
    with pytest.raises(InputError, match="keep the one that counts"):
        read_folder(root.with_name("packed"))


def test_a_validation_part_serves_where_there_is_no_test_part_and_is_named(root: Path) -> None:
    (root / "test").rename(root / "val")
    data = read_folder(root)
    assert data.test_labels.tolist() == [1]
    assert "val/ serves as the test part" in data.not_canonical


def test_a_name_in_another_unicode_form_is_the_same_class(tmp_path: Path) -> None:
    save_picture(tmp_path / "a/train" / "caf\u00e9" / "1.png", 1)
    save_picture(tmp_path / "a/test" / "cafe\u0301" / "1.png", 2)
    assert read_folder(tmp_path / "a").test_labels.tolist() == [0]


def test_an_archive_of_something_else_is_one_sentence(root: Path) -> None:
    with tarfile.open(root.with_name("packed.tar"), "w") as archive:
        archive.add(root / "train/cat", "cat")
    with pytest.raises(InputError, match="packed.tar holds neither train/ nor images/"):
        read_folder(root.with_name("packed"))
    assert not root.with_name("packed").exists()


def packed(root: Path) -> Path:
    """A folder that was unpacked from an archive, which was replaced since."""
    place = root.with_name("packed")
    shutil.make_archive(str(place), "zip", root)
    read_folder(place)
    save_picture(root / "train/cat/11.png", 11)
    shutil.make_archive(str(place), "zip", root)
    return place


def damaged_mark(place: Path) -> Path:
    (place / ".unpacked.json").write_text("[")
    return place / "train/cat/2.png"


def in_its_place(place: Path) -> Path:
    shutil.rmtree(place)
    place.write_text("x")
    return place


def added(place: Path) -> Path:
    return save_picture(place / "train/cat/mine.png", 1) or place / "train/cat/mine.png"


def overwritten(place: Path) -> Path:
    (place / "train/cat/2.png").write_text("x")
    return place / "train/cat/2.png"


def edited(place: Path) -> Path:
    return save_picture(place / "train/cat/2.png", 21)  # of as many bytes


def mark_of_sizes(place: Path) -> Path:
    """As marks were before."""
    mark = place / ".unpacked.json"
    sizes = {str(file.relative_to(place)): file.stat().st_size for file in place.glob("t*/*/*")}
    mark.write_text(json.dumps({**json.loads(mark.read_text()), "files": sizes}))
    return edited(place)


@pytest.mark.parametrize("change", [added, overwritten, edited, mark_of_sizes, damaged_mark, in_its_place])
def test_what_did_not_come_from_an_archive_is_not_replaced_by_one(root: Path, change: Callable[[Path], Path]) -> None:
    place = packed(root)
    mine = change(place)
    content = mine.read_bytes()
    with pytest.raises(InputError, match="packed"):
        read_folder(place)
    assert mine.read_bytes() == content


@pytest.mark.parametrize("files", [{}, {"files": {"train/cat/2.png": 70}}])
def test_a_mark_of_before_counts_while_its_archive_is_the_same(root: Path, files: dict[str, Any]) -> None:
    place = root.with_name("packed")
    shutil.make_archive(str(place), "zip", root)
    expected = read_folder(place).raw_inputs
    mark = place / ".unpacked.json"
    archive = json.loads(mark.read_text())["archive"]
    mark.write_text(json.dumps({"archive": archive, **files} if files else archive))
    assert read_folder(place).raw_inputs == expected


def test_folders_that_are_not_read_are_named(root: Path) -> None:
    names = "valid", "Test", "images", "val"
    for name in names:
        (root / name).mkdir()
    assert all(f"{name}/ is not read" in read_folder(root).not_canonical for name in names)


def test_pictures_that_are_there_more_than_once_are_counted(root: Path) -> None:
    assert "image" not in read_folder(root).not_canonical.removeprefix("a folder of images")
    save_picture(root / "test/cat/z.png", 10)
    save_picture(root / "train/dog/c.png", 20)
    reason = read_folder(root).not_canonical
    assert "1 of 2 test images equal a training image" in reason and "1 pictures stand under" in reason
