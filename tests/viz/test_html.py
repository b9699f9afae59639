"""Laws of pages: whole HTML that loads nothing, hides no text and stays small."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from topovae.viz.html import PagePicture, Section, Table, render_page
from topovae.viz.scenes import Scene, library
from topovae.viz.style import figure

VOID = {"meta", "img", "wbr"}
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


def test_what_stands_between_backticks_is_code_and_nothing_else_is() -> None:
    page = render_page("page", [Section("`no`", ["run `a <b>` twice"], ["`c`"], commands=["echo `d`"])]).decode()
    assert "run <code>a &lt;b&gt;</code> twice" in page and "<li><code>c</code></li>" in page
    assert "<h2>`no`</h2>" in page and "echo `d`" in page


def test_pictures_get_coarser_where_a_page_would_be_too_large() -> None:
    section = Section("pictures", pictures=[noise(), noise()])
    fine = render_page("page", [section])
    limit = len(fine) // 2
    assert len(render_page("page", [section], limit)) <= limit
    assert len(render_page("page", [section], 1)) < len(fine)  # as small as it can be, where that is not enough


@pytest.fixture
def browse(tmp_path: Path) -> Callable[..., str]:
    """A function that has a page shown by a browser without a screen, and gives what the browser says; skips without one."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next((path for path in map(shutil.which, names) if path), None)
    if browser is None:
        pytest.skip("there is no browser here that works without a screen")

    def show(page: bytes, *words: str) -> str:
        (tmp_path / "page.html").write_bytes(page)
        usual = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}")
        place = f"file://{tmp_path / 'page.html'}"
        return subprocess.run(
            [str(browser), *usual, *words, place], capture_output=True, text=True, timeout=300, check=True, cwd=tmp_path
        ).stdout

    return show


def test_a_browser_shows_it(browse: Callable[..., str]) -> None:
    shown = browse(render_page("page", [Section("words", ["text"], pictures=[noise()])]), "--dump-dom")
    assert "<h2>words</h2>" in shown and "<img" in shown


@pytest.mark.parametrize("width", [400, 1600])
def test_nothing_goes_over_the_sides_of_a_window(width: int, browse: Callable[..., str], tmp_path: Path) -> None:
    table = Table(["latent"] * 12, [["(S1xS1)/<rot(1/2),flip>"] * 12] * 3)
    section = Section("long" * 60, ["word" * 90], ["point" * 80], table, ["x" * 300], [noise(18.0)])
    (tmp_path / "inner.html").write_bytes(render_page("title" * 40, [section]))
    # a frame is as narrow as it is asked to be, a window perhaps not
    frame = f'<body style="margin: 0"><iframe src="inner.html" width="{width}" height="900" style="border: 0"></iframe></body>'
    browse(frame.encode(), f"--window-size={width + 200},900", f"--screenshot={tmp_path / 'page.png'}")
    with Image.open(tmp_path / "page.png") as picture:
        seen = np.asarray(picture.convert("RGB"))[:, :width]
    assert seen.shape[1] == width and seen.min() < 128
    assert (seen[:, :10] == 255).all() and (seen[:, -10:] == 255).all()  # the margins of the page


@pytest.mark.parametrize("latent", ["SO3", "embedded_torus", "(S1xS1)/<rot(1/2),flip>", "learned(R2,M=1,anchors=6)"])
def test_tables_of_metrics_need_no_scrolling_in_a_narrow_window(latent: str, browse: Callable[..., str]) -> None:
    table = Table(("metric", "latent", "train", "valid", "test"), [["stress", latent, *["-0.1234"] * 3]] * 2, numbers=2)
    page = escape(render_page("page", [Section("metrics", table=table)]).decode())
    measure = "t = this.contentDocument.querySelector('.wide'); document.title = t.scrollWidth + ' of ' + t.clientWidth"
    frame = f'<body><iframe width="400" height="600" style="border: 0" srcdoc="{page}" onload="{measure}"></iframe></body>'
    found = re.search(r"<title>(\d+) of (\d+)</title>", browse(frame.encode(), "--dump-dom"))
    assert found is not None and 300 < int(found[2]) < 400 and int(found[1]) <= int(found[2])


def test_a_browser_draws_scenes_and_no_script_of_others(browse: Callable[..., str]) -> None:
    if library() is None:
        pytest.skip("plotly (topovae[report]) is not installed")
    scene = Scene(np.random.default_rng(0).normal(size=(50, 3)), ["#0072b2"] * 50, alt="a cloud")
    page = render_page("page", [Section("words", scenes=[scene])])
    foreign = page.replace(b"</body>", b"<script>document.title = 'foreign'</script></body>")
    shown = browse(foreign, "--dump-dom", "--enable-unsafe-swiftshader", "--virtual-time-budget=5000")
    assert "js-plotly-plot" in shown and "<title>page</title>" in shown
