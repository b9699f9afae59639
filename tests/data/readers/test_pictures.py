"""Folders of images: which files are taken, in what order and shape, and what is said of those that do not fit."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from support.tool import Tool

from topovae.data.readers.find import read
from topovae.errors import InputError, ResourceError

PICTURES = np.random.default_rng(1).integers(0, 256, size=(3, 6, 5), dtype=np.uint8)
MODES = {"L": (6, 5), "RGB": (6, 5, 3), "RGBA": (6, 5, 4), "I;16": (6, 5), "1": (6, 5), "P": (6, 5, 3)}


@pytest.mark.parametrize("mode", MODES)
def test_a_folder_of_images(mode, tmp_path):
    grey = [Image.fromarray(picture) for picture in PICTURES]
    for i, picture in zip((2, 0, 1), grey, strict=True):
        picture.convert(mode).save(tmp_path / f"{i}.png")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image")
    data = read(str(tmp_path))
    assert data.x.shape == (3, *MODES[mode])
    np.testing.assert_array_equal(data.rows([2]), data.load()[2:])
    if mode == "L":
        np.testing.assert_array_equal(data.load(), PICTURES[[1, 2, 0]])
    before = data.source.sha256
    (tmp_path / "1.png").rename(tmp_path / "3.png")
    assert read(str(tmp_path)).source.sha256 != before
    (tmp_path / "3.png").rename(tmp_path / "1.png")
    assert read(str(tmp_path)).source.sha256 == before


def test_images_of_several_formats(tmp_path):
    for i, suffix in enumerate(["png", "bmp", "TIF", "jpg", "gif"]):
        Image.fromarray(np.full((6, 5, 3), 40 * i, dtype=np.uint8)).save(tmp_path / f"{i}.{suffix}")
    np.testing.assert_allclose(read(str(tmp_path)).load()[:, 0, 0, 0], [0, 40, 80, 120, 160], atol=3)


@pytest.mark.parametrize("other", [(6, 6), (6, 5, 3)])
def test_images_of_different_shapes(other, tmp_path):
    for i in range(4):
        Image.fromarray(np.zeros((6, 5) if i < 2 else other, dtype=np.uint8)).save(tmp_path / f"{i}.png")
    with pytest.raises(InputError, match=r"0\.png is \(6, 5\) of uint8 and 2\.png is "):
        read(str(tmp_path))


def test_a_damaged_image_is_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, size=(99, 99), dtype=np.uint8)
    for i in range(3):
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
    whole = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(b"no image at all")
    with pytest.raises(InputError, match=r"2\.png cannot be read as an image"):
        read(str(tmp_path))
    (tmp_path / "2.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"2\.png cannot be read as an image"):
        read(str(tmp_path)).load()


def test_a_folder_without_images(tmp_path):
    with pytest.raises(InputError, match="without images"):
        read(str(tmp_path))
    Image.fromarray(PICTURES[0]).save(tmp_path / "0.png")
    with pytest.raises(InputError, match="folder of images"):
        read(f"{tmp_path}::x")


def test_a_suffix_does_not_start_another_format(tmp_path, monkeypatch):
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(InputError, match=r"a\.png cannot be read as an image"):
        read(tmp_path).load()
    assert not (tmp_path / "started").exists()


def test_pictures_of_8_and_of_16_bits_are_not_mixed(tmp_path):
    for i in range(4):
        Image.fromarray(np.full((6, 5), 200, dtype=np.uint16 if i % 2 else np.uint8)).save(tmp_path / f"{i}.png")
    with pytest.raises(InputError, match=r"0\.png is \(6, 5\) of uint8 and 1\.png is \(6, 5\) of uint16"):
        read(tmp_path)


def test_a_picture_larger_than_memory_is_refused_by_its_header(tmp_path):
    for i in range(2):
        Image.new("1", (3000, 3000)).save(tmp_path / f"{i}.png")
    with pytest.raises(ResourceError, match=r"0\.png"):
        read(tmp_path, memory=2**24)


def test_a_picture_that_changes_meanwhile(tmp_path):
    for i in range(3):
        Image.new("L", (5, 6), i).save(tmp_path / f"{i}.png")
    data = read(tmp_path)
    Image.new("L", (500, 600)).save(tmp_path / "1.png")
    with pytest.raises(InputError, match=r"1\.png is \(600, 500\) of uint8 now"):
        data.load()


def _damaged_tiff(path, compression):
    """Three pages, with damage in the middle of their packed pixels: libtiff complains of it on stderr."""
    first, *rest = [Image.fromarray(page) for page in np.random.default_rng(2).integers(0, 256, (3, 64, 64), dtype=np.uint8)]
    first.save(path, "TIFF", save_all=True, append_images=rest, compression=compression)
    content = bytearray(path.read_bytes())
    middle = len(content) // 6  # of the first page
    content[middle : middle + 64] = bytes(255 - value for value in content[middle : middle + 64])
    path.write_bytes(content)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_what_c_code_says_of_a_damaged_tiff_stays_inside(compression, tmp_path):
    _damaged_tiff(tmp_path / "a.tif", compression)
    # Pillow 10 gives the number of the error alone
    with Image.open(tmp_path / "a.tif") as image, pytest.raises(OSError, match=r"decoder error|-2"):
        image.load()
    found = Tool(tmp_path).process("analyze", "a.tif")
    assert (found.code, found.out) == (3, b"")
    assert found.err.startswith("topovae: ")
    assert found.err.count("\n") == 1, found.err


def test_stderr_is_as_before_when_threads_read_damaged_tiffs(tmp_path, capfd):
    _damaged_tiff(tmp_path / "a.tif", "tiff_lzw")

    def refused(_):
        with pytest.raises(InputError, match="cannot be read"):
            read(tmp_path / "a.tif").load()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refused, range(64)))
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
