"""A change of raw files is noticed by their content; looking costs little where nothing changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.config.datasets import Dataset, Split
from replication.data import listing
from replication.data.listing import WEIGHTS, is_as_listed, write_listings
from tests.pictures import save_picture

RULES = {"full": Split("all")}


class Place:
    """A folder of three pictures, and what is said of it."""

    def __init__(self, root: Path) -> None:
        self.root, self.prepared, self.output = root / "raw", root / "data", root / "listing"
        for name in ("a/1.png", "a/2.png", "b/1.png"):
            self.save(name, 1)
        self.options = Dataset("mine", "folder", str(self.root), splits=RULES)
        self.cache = root / "hashes.json"

    def save(self, name: str, shade: int) -> None:
        save_picture(self.root / "train" / name, shade)

    def look(self) -> str:
        write_listings([self.options], self.prepared, self.output, self.cache)
        return (self.output / "mine.json").read_text()

    def is_as_listed(self) -> bool:
        return is_as_listed(self.options, self.output, self.cache)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def changed_at_the_same_time(place: Place, name: str = "1.png") -> None:
    path = place.root / "train/a/1.png"
    before, changed = path.stat(), bytearray(path.read_bytes())
    changed[-20] ^= 1
    path.with_name(name).write_bytes(bytes(changed))
    os.utime(path.with_name(name), ns=(before.st_atime_ns, before.st_mtime_ns))
    path.with_name(name).replace(path)


CHANGES: dict[str, Callable[[Place], object]] = {
    "added": lambda place: place.save("a/3.png", 1),
    "changed": lambda place: place.save("a/2.png", 2),
    "removed": lambda place: (place.root / "train/b/1.png").unlink(),
    "renamed": lambda place: (place.root / "train/a/1.png").rename(place.root / "train/a/9.png"),
    "moved to another class": lambda place: (place.root / "train/a/2.png").rename(place.root / "train/b/2.png"),
    "replaced, of the same size and time": lambda place: changed_at_the_same_time(place, "new"),
    "overwritten, its time restored": changed_at_the_same_time,
    "an archive beside it": lambda place: shutil.make_archive(str(place.root), "zip", place.root),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_the_raw_files_changes_the_listing(place: Place, change: Callable[[Place], object]) -> None:
    assert not place.is_as_listed()  # nothing is listed
    before = place.look()
    assert place.look() == before and place.is_as_listed()
    change(place)
    assert not place.is_as_listed()
    assert place.look() != before and place.is_as_listed()


def test_what_is_no_content_does_not(place: Place) -> None:
    before = place.look()
    (place.root / "train/a/1.png").touch()
    (place.root / ".DS_Store").write_bytes(b"")
    shutil.copytree(place.root, place.root.with_name("copy"))
    shutil.rmtree(place.root)
    place.root.with_name("copy").rename(place.root)
    assert place.look() == before
    for number in range(6):
        (place.root / f"train/again{number}").symlink_to(place.root)  # a circle ends at once
    assert place.look() == before


def test_a_folder_that_is_gone_counts_where_its_data_are_not_prepared_and_an_empty_one_always(place: Place) -> None:
    before = place.look()
    manifest = place.prepared / "mine" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    shutil.rmtree(place.root)
    assert place.look() == before and place.is_as_listed()
    assert is_as_listed(place.options, place.output / "unlisted", place.cache)
    place.root.mkdir()
    assert place.look() != before
    place.root.rmdir()
    manifest.unlink()
    assert place.look() != before


def test_files_are_read_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.look()
    read: list[Path] = []
    monkeypatch.setattr(listing, "sha256_file", lambda path: read.append(path) or "0")
    place.look()
    assert read == []
    place.save("a/2.png", 3)
    place.look()
    assert [path.name for path in read] == ["2.png"]
    place.cache.write_text("{")
    place.look()
    assert len(read) == 4


def test_weights_of_others_are_listed_too(place: Place) -> None:
    weights = {"released": place.root / "train", "inception": place.root / "train/a/1.png", "none": Path("none")}

    def look() -> str:
        write_listings([], place.prepared, place.output, place.cache, weights)
        return (place.output / WEIGHTS).read_text()

    before = look()
    assert look() == before
    place.save("a/1.png", 9)
    changed = {name for name in weights if json.loads(look())[name] != json.loads(before)[name]}
    assert changed == {"released", "inception"}


def test_a_listing_that_is_no_text_is_written_again(place: Place) -> None:
    before = place.look()
    (place.output / "mine.json").write_bytes(b"\xff\xfe")
    assert place.look() == before
