"""Laws of pages: whole HTML that loads nothing, hides no text and stays small."""

from __future__ import annotations

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from topovae.viz.html import PagePicture, Section, Table, render_page
from topovae.viz.style import figure

VOID = {"meta", "img"}
EVIL = "<script>alert('x')</script> & \"quotes\""


class Outline(HTMLParser):
    """The tags that are open, what was seen, and every attribute that could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.alts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.sources += [str(value) for name, value in attrs if name in ("src", "href", "data", "action", "srcset")]
        self.alts += [dict(attrs).get("alt")] if tag == "img" else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def noise(width: float = 6.0) -> PagePicture:
    """A picture that cannot be compressed."""
    drawn = figure(width, 4.0)
    drawn.subplots().imshow(np.random.default_rng(0).random((400, 600)), interpolation="nearest")
    return PagePicture(drawn, "noise", EVIL)


def outlined(page: bytes) -> Outline:
    found = Outline()
    found.feed(page.decode("utf-8"))
    found.close()
    return found


def test_a_page_is_whole_loads_nothing_and_shows_every_text() -> None:
    table = Table(("a", EVIL), [("x", "1.5"), (EVIL, "–")])
    sections = [[Section(EVIL, [EVIL, "words"], [EVIL], table, [EVIL], [noise()]), Section("alone")] for _ in range(2)]
    page = render_page(EVIL, sections[0])
    found = outlined(page)
    assert found.open == [] and "script" not in found.seen and found.seen.count("section") == 2
    assert found.seen.count("h2") == 2 and found.seen.count("td") == 4 and found.seen.count("img") == 1
    assert all(source.startswith("data:image/png;base64,") for source in found.sources) and len(found.sources) == 1
    assert found.alts == ["noise"]
    assert sum(EVIL in text for text in found.texts) == 9
    assert b"http://" not in page and b"https://" not in page and b"default-src &#x27;none&#x27;" in page
    assert page == render_page(EVIL, sections[1])


def test_pictures_get_coarser_where_a_page_would_be_too_large() -> None:
    section = Section("pictures", pictures=[noise(), noise()])
    fine = render_page("page", [section])
    limit = len(fine) // 2
    assert len(render_page("page", [section], limit)) <= limit
    assert len(render_page("page", [section], 1)) < len(fine)  # as small as it can be, where that is not enough


def test_a_browser_shows_it(tmp_path: Path) -> None:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next((path for path in map(shutil.which, names) if path), None)
    if browser is None:
        pytest.skip("there is no browser here that works without a screen")
    (tmp_path / "page.html").write_bytes(render_page("page", [Section("words", ["text"], pictures=[noise()])]))
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{tmp_path / 'page.html'}"]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "<h2>words</h2>" in shown and "<img" in shown
