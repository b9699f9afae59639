"""What unpacks the numbers of a store of Zarr is known from its description, before the library sees it."""

from __future__ import annotations

from typing import Any

import pytest

from topovae.data.readers.zarrs import _codecs, is_store

SHARDED = {
    "name": "sharding_indexed",
    "configuration": {"codecs": [{"name": "bytes"}, {"name": "zstd"}], "index_codecs": [{"name": "crc32c"}]},
}
DESCRIBED: dict[str, tuple[Any, list[str]]] = {
    "version 2": (
        {"compressor": {"id": "blosc"}, "filters": [{"id": "delta"}, {"id": "pickle"}]},
        ["blosc", "delta", "pickle"],
    ),
    "without any": ({"compressor": None, "filters": []}, []),
    "version 3": ({"codecs": [{"name": "bytes"}, {"name": "gzip"}]}, ["bytes", "gzip"]),
    "within one another": ({"codecs": [SHARDED]}, ["sharding_indexed", "bytes", "zstd", "crc32c"]),
    "consolidated": ({"metadata": {"x/.zarray": {"compressor": {"id": "pickle"}}}}, ["pickle"]),
    "several compressors": ({"compressors": [{"id": "zlib"}]}, ["zlib"]),
    "in a list": ([{"codecs": [{"name": "lz4"}]}], ["lz4"]),
    "no codec": ({"shape": [3, 4], "codec": "none"}, []),
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_each_codec_is_named(name: str) -> None:
    described, expected = DESCRIBED[name]
    assert sorted(_codecs(described)) == sorted(expected)


@pytest.mark.parametrize(("sign", "expected"), [("zarr.json", True), (".zarray", True), (".zgroup", True), ("x.json", False)])
def test_a_store_is_known_by_what_lies_in_it(sign: str, expected: bool, tmp_path: Any) -> None:
    assert not is_store(str(tmp_path))
    (tmp_path / sign).write_text("{}")
    assert is_store(str(tmp_path)) is expected
