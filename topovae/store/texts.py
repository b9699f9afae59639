"""The texts of an HDF5 file, read in a process of its own: a damaged heap of them can hang its library, or claim all memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from topovae.store.outside import Parsed, ended, limit, run_outside

FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}
"""HDF5's own filters by their numbers; others are programs that would be loaded."""

LEAST_BYTES = 2**26
"""What HDF5 takes for itself: with less it dies of what it could refuse. A limit on cost, not tuned."""

MOST_DEPTH = 64
"""Groups that lie deeper within one another are not entered: HDF5 takes minutes to come to the end of thousands. Not tuned."""

BLOCK = 2**16
"""Rows that are read at once: a limit on cost, not tuned."""


def require_sound(file: Parsed) -> None:
    """Read all values of variable length outside, so that they can be read here; once for each state of a file.

    Raises:
        InputError: the process dies of them, or does not end.
        ResourceError: they take more memory than is allowed.
    """
    state = os.stat(file.path)
    _require_sound(file, state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _require_sound(file: Parsed, *_: int) -> None:
    run_outside("topovae.store.texts", file, "HDF5", advice="Take away what is not samples, or allow more memory.")


def walk(root: Any) -> Iterator[tuple[str, Any]]:
    """The objects below a group with their names, each once: none behind a soft or external link, and none too deep."""
    import h5py

    waiting, known = [("", root, 0)], {h5py.h5o.get_info(root.id).addr}
    while waiting:
        above, group, depth = waiting.pop()
        for key in group:
            raw = key if isinstance(key, bytes) else key.encode(errors="surrogateescape")
            if group.id.links.get_info(raw).type != h5py.h5l.TYPE_HARD:
                continue
            node = group[raw]
            address = h5py.h5o.get_info(node.id).addr
            if address in known:
                continue
            known.add(address)
            name = f"{above}{raw.decode(errors='surrogateescape')}"
            yield name, node
            if isinstance(node, h5py.Group) and depth < MOST_DEPTH:
                waiting.append((f"{name}/", node, depth + 1))


def _read_all(node: Any) -> None:
    """Read the values of variable length of an object and its attributes, but those that are refused whatever they hold."""
    import h5py

    for name in node.attrs:
        if _varies(node.attrs.get_id(name)):
            node.attrs[name]
    if not isinstance(node, h5py.Dataset) or node.shape is None or not _varies(node):
        return
    plan = node.id.get_create_plist()
    known = all(plan.get_filter(number)[0] in FILTERS for number in range(plan.get_nfilters()))
    if known and not plan.get_external_count() and plan.get_layout() != h5py.h5d.VIRTUAL:
        for start in range(0, len(node) if node.shape else 1, BLOCK):
            node[start : start + BLOCK] if node.shape else node[()]


def _varies(values: Any) -> bool:
    """Whether values vary in length, so that they lie in a heap; types that NumPy has none for are read nowhere."""
    try:
        return bool(values.dtype.hasobject)
    except TypeError:
        return False


def _main(path: str, memory: str, seconds: str) -> int:
    """Read all values of variable length of a file; the exit code."""
    import h5py

    limit(str(max(int(memory), LEAST_BYTES)), seconds)
    with h5py.File(path, "r") as file:
        _read_all(file)
        for _, node in walk(file):
            _read_all(node)
    return 0


if __name__ == "__main__":
    sys.exit(ended(_main, *sys.argv[1:]))
