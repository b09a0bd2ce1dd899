"""Decoding and resizing of encoded images."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from replication.data.images import decode, decode_all
from replication.foundation.errors import InputError
from tests.pictures import encoded, picture

ROOT = Path("raw")
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)


def test_a_lossless_image_comes_back_as_channels_height_width_or_as_its_luma() -> None:
    content = encoded(Image.fromarray(PIXELS))
    np.testing.assert_array_equal(decode(content, "a", 0, 3), PIXELS.transpose(2, 0, 1))
    luma = decode(content, "a", 0, 1)
    assert luma.shape == (1, 12, 20)
    np.testing.assert_allclose(luma[0], PIXELS @ [0.299, 0.587, 0.114], atol=1)


@pytest.mark.parametrize("size", [(40, 30), (30, 40), (33, 33)])
def test_resizing_is_a_fit_of_the_shorter_side_and_a_central_crop(size: tuple[int, int]) -> None:
    """Against Pillow's own fit, on a smooth picture: it may crop before it resizes, so a grey level is allowed."""
    x, y = np.meshgrid(np.linspace(0, 200, size[0]), np.linspace(0, 50, size[1]))
    image = Image.fromarray((x + y).astype(np.uint8))
    fitted = np.asarray(ImageOps.fit(image, (16, 16), Image.Resampling.LANCZOS))
    array = decode(encoded(image), "a", 16, 1)
    assert array.shape == (1, 16, 16)
    # the crop is by whole pixels of the resized picture: half a pixel is 200 / 16 / 2 grey levels at most
    np.testing.assert_allclose(array[0, 1:-1, 1:-1], fitted[1:-1, 1:-1], atol=7)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_other_8_bit_modes_become_colours(mode: str) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(decode(encoded(image, "TIFF"), "a", 0, 3), expected)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_shows_white_and_not_the_colour_beneath(kind: str) -> None:
    alpha = np.zeros((12, 20, 1), np.uint8)
    alpha[:, :5], alpha[:, 5:10] = 255, 128
    content = encoded(Image.fromarray(np.concatenate([PIXELS, alpha], 2)), kind, lossless=True, exact=True)
    share = alpha / 255
    expected = (PIXELS * share + 255 * (1 - share)).transpose(2, 0, 1)
    np.testing.assert_allclose(decode(content, "a", 0, 3), expected, atol=1)


def test_a_palette_with_a_transparent_colour_shows_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert decode(encoded(image, transparency=0), "a", 0, 3)[:, 0].T.tolist() == [[255, 255, 255], [40, 50, 60]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_its_camera_says(orientation: int) -> None:
    """The eight orientations of EXIF, as the standard words them: where row 0 and column 0 of the file are seen."""
    seen = {
        1: PIXELS,
        2: PIXELS[:, ::-1],
        3: PIXELS[::-1, ::-1],
        4: PIXELS[::-1],
        5: PIXELS.transpose(1, 0, 2),
        6: np.rot90(PIXELS, -1),
        7: np.rot90(PIXELS, 2).transpose(1, 0, 2),
        8: np.rot90(PIXELS),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(PIXELS), exif=exif)
    np.testing.assert_array_equal(decode(content, "a", 0, 3), seen.transpose(2, 0, 1))


def deep_png(colour: int, channels: int) -> bytes:
    """A PNG of one pixel with 16 bits a channel: Pillow writes grey ones alone."""
    row = zlib.compress(b"\0" + b"\x12\x34" * channels)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, colour, 0, 0, 0)), (b"IDAT", row), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def deep_tiff() -> bytes:
    """A TIFF in colours whose tag of bits a channel says 16."""
    content = bytearray(encoded(Image.new("RGB", (2, 2)), "TIFF", strip_size=1 << 20))
    content += bytes(64)  # pixels, twice as many bytes
    content[(place := content.index(b"\x08\0\x08\0\x08\0")) : place + 6] = struct.pack("<HHH", 16, 16, 16)
    return bytes(content)


DEEP = {
    "grey": deep_png(0, 1), "RGB": deep_png(2, 3), "LA": deep_png(4, 2), "RGBA": deep_png(6, 4), "TIFF": deep_tiff(),
    "grey TIFF": encoded(Image.new("I;16", (2, 2), 5000), "TIFF"),
}  # fmt: skip


@pytest.mark.parametrize("content", DEEP.values(), ids=DEEP)
def test_16_bit_pixels_are_refused_rather_than_clipped(content: bytes) -> None:
    with pytest.raises(InputError, match="^deep has 16 bits a channel"):
        decode(content, "deep", 0, 3)


def test_what_no_terminal_may_see_is_shown_as_codes_behind_the_folder() -> None:
    with pytest.raises(InputError, match=r"^raw/a\\n\\x1b\\x9b\\udce9\.png is no readable"):
        decode_all(ROOT, [("a\n\x1b\x9b\udce9.png", b"")], 1, 0, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_a_truncated_image_is_one_sentence_wherever_it_is_cut(kind: str) -> None:
    whole = encoded(Image.fromarray(PIXELS), kind)
    for length in range(0, len(whole) * 3 // 4, 7):
        with pytest.raises(InputError, match="cut.jpg is no readable JPEG"):
            decode(whole[:length], "cut.jpg", 0, 3)


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
     (b"\n<!DOCTYPE html><title>404</title>", "web page"), (b"GIF89a", "no readable"),
     (b"%!PS-Adobe-3.0 EPSF-3.0", "no readable")],  # the last Pillow would hand to Ghostscript
)  # fmt: skip
def test_what_is_no_picture_is_named_without_addresses_of_memory(content: bytes, word: str) -> None:
    with pytest.raises(InputError, match=word) as refused:
        decode(content, "a.jpg", 0, 3)
    assert "0x" not in str(refused.value)


@pytest.mark.parametrize("image_size", [0, 1_000_000])
def test_more_than_the_memory_is_refused_before_it_is_asked_for(image_size: int) -> None:
    contents = [("a.png", picture(size=(2, 3)))]
    with pytest.raises(InputError, match="GiB of memory"):
        decode_all(ROOT, contents, 1 << 50, image_size, 3)


def test_several_images_keep_their_order_and_hash_names_and_contents() -> None:
    contents = [(f"{shade}.png", picture(shade, (2, 3))) for shade in (9, 5)]
    images, digest = decode_all(ROOT, iter(contents), 2, 0, 1)
    assert images.shape == (2, 1, 3, 2)
    assert images[:, 0, 0, 0].tolist() == [9, 5]
    listing = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents)
    assert digest == hashlib.sha256(listing.encode()).hexdigest()


def test_images_of_two_sizes_are_one_sentence() -> None:
    contents = [("a.png", picture(size=(2, 3))), ("b.png", picture(size=(4, 3)))]
    with pytest.raises(
        InputError, match="^raw/b.png is 4×3 pixels and raw/a.png is 2×3: give the data set an image_size"
    ):
        decode_all(ROOT, contents, 2, 0, 1)
    with pytest.raises(InputError, match="1 of 2 images"):
        decode_all(ROOT, contents[:1], 2, 0, 1)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_whose_rest_is_zeros_is_refused(progressive: bool) -> None:
    preview = Image.Exif()
    preview[0x9286] = b"\xff\xd8\xff\xda\xff\xd9"  # an end in front of the pixels is none of theirs
    whole = encoded(Image.fromarray(PIXELS), "JPEG", progressive=progressive, exif=preview)
    expected = decode(whole, "a.jpg", 0, 3)
    np.testing.assert_array_equal(decode(whole + bytes(99), "a.jpg", 0, 3), expected)
    with pytest.raises(InputError, match=r"a\.jpg"):
        decode(whole[:-60] + bytes(400), "a.jpg", 0, 3)


NOISE = Image.effect_noise((96, 96), 90).convert("RGB")


@pytest.mark.parametrize("kind", ["JPEG", "MPO"])
@pytest.mark.parametrize("change", ["cut", "zeros to the end", "zeros in the middle", "zeros up to its end"])
def test_a_jpeg_of_a_phone_is_refused_where_a_part_is_missing(kind: str, change: str) -> None:
    more: dict[str, Any] = {"save_all": True, "append_images": [NOISE]} if kind == "MPO" else {}
    whole = encoded(NOISE, kind, **more)
    assert decode(whole, "a.jpg", 0, 3).shape == (3, 96, 96)
    end, half = whole.index(b"\xff\xd9"), whole.index(b"\xff\xd9") // 2
    rest = {
        "cut": whole[end + 2 :],  # of a phone's: what comes behind it
        "zeros to the end": bytes(len(whole) - half),
        "zeros in the middle": bytes(200) + whole[half + 200 :],
        "zeros up to its end": bytes(end - half) + whole[end:],
    }
    with pytest.raises(InputError, match=r"^a\.jpg is "):
        decode(whole[:half] + rest[change], "a.jpg", 0, 3)


@pytest.mark.parametrize("options", [{"optimize": True}, {"progressive": True}, {"quality": 5}, {"subsampling": 0}])
def test_a_jpeg_of_one_shade_is_whole_though_its_pixels_are_zeros(options: dict[str, Any]) -> None:
    for shade in (0, 127, 255):
        image = decode(encoded(Image.new("RGB", (2000, 2000), shade), "JPEG", **options), "a.jpg", 8, 3)
        assert image.shape == (3, 8, 8) and (image == image[:, :1, :1]).all()
