"""Self-contained pages: texts, tables, pictures and scenes in one HTML file that loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from matplotlib.figure import Figure

from topovae.viz.files import render
from topovae.viz.scenes import Scene, library, script

LARGEST = 8 * 2**20
"""Bytes of a page at most: what mail and browsers take without complaint; not tuned."""

FINEST, COARSEST = 150.0, 50.0
"""Dots an inch of pictures: fewer where the page would be too large."""

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.15rem; border-bottom: 1px solid #d9d9d9; margin-top: 2rem; }
h1, h2, p, li, figcaption { overflow-wrap: anywhere; }
figure { margin: 1rem 0; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { color: #767676; font-size: .875rem; text-align: center; }
.wide { overflow-x: auto; }
code { background: #f5f5f5; padding: 0 .2rem; }
.scene { height: 26rem; max-height: 90vw; overflow: hidden; }
table { border-collapse: collapse; }
th, td { padding: .2rem .7rem .2rem 0; text-align: left; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media (max-width: 30rem) { table { font-size: .875rem; } th, td { padding-right: .4rem; } }
tr + tr { border-top: 1px solid #eee; }
pre { background: #f5f5f5; padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
""".strip()

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may load: nothing, and it runs no script but those of the page's own scenes, by their SHA-256."""


@dataclass(frozen=True)
class PagePicture:
    """A figure with words for those who cannot see it."""

    figure: Figure
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of texts below headings; columns from the number `numbers` on are numbers."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int = 1


@dataclass(frozen=True)
class Section:
    """A part of a page: paragraphs, a list, a table, commands, pictures, scenes, in this order.

    Attributes:
        title: its heading.
        paragraphs: of texts.
        points: a list of sentences.
        table: of figures.
        commands: to be typed into a shell.
        pictures: below these.
        scenes: below all, where the library that draws them is installed.
    """

    title: str
    paragraphs: Sequence[str] = ()
    points: Sequence[str] = ()
    table: Table | None = None
    commands: Sequence[str] = ()
    pictures: Sequence[PagePicture] = ()
    scenes: Sequence[Scene] = ()


def render_page(title: str, sections: Sequence[Section], largest: int = LARGEST) -> bytes:
    """The page as UTF-8; equal sections give equal bytes.

    Args:
        title: of the page.
        sections: in their order.
        largest: bytes that it may have; pictures get coarser until it does, as far as they can be.
    """
    dpi, code = FINEST, _scripts(sections)
    while True:
        page = _page(title, sections, dpi, code)
        if len(page) <= largest or dpi <= COARSEST:
            return page
        dpi = max(COARSEST, dpi * 0.75)


def _scripts(sections: Sequence[Section]) -> list[str]:
    """The library and what draws each scene, in the order of the page; nothing where there is none to draw, or no library."""
    scenes = [scene for section in sections for scene in section.scenes]
    drawn = library() if scenes else None
    return [] if drawn is None else [drawn, *(script(scene, _place(number)) for number, scene in enumerate(scenes))]


def _place(number: int) -> str:
    """The identifier of the element of a scene."""
    return f"scene-{number}"


def _page(title: str, sections: Sequence[Section], dpi: float, code: Sequence[str]) -> bytes:
    parts, number = [], 0
    for section in sections:
        scenes = section.scenes if code else ()
        parts.append(_section(section, dpi, [_scene(scene, number + k) for k, scene in enumerate(scenes)]))
        number += len(scenes)
    body = "\n".join([*parts, *(f"<script>{text}</script>" for text in code)])
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in code)
    policy = f"{POLICY}; script-src {hashes}" if code else POLICY
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        f"{body}\n</body>\n</html>\n"
    )
    return text.encode()


def _section(section: Section, dpi: float, scenes: Sequence[str]) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{_prose(words)}</p>" for words in section.paragraphs]
    if section.points:
        parts.append("<ul>" + "".join(f"<li>{_prose(words)}</li>" for words in section.points) + "</ul>")
    if section.table is not None:
        parts.append(_table(section.table))
    if section.commands:
        parts.append(f"<pre>{escape(chr(10).join(section.commands))}</pre>")
    parts += [_picture(picture, dpi) for picture in section.pictures]
    parts += scenes
    return "<section>\n" + "\n".join(parts) + "\n</section>"


def _prose(words: str) -> str:
    """A sentence, in which what stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(words))


def _table(table: Table) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        kinds = [' class="number"' if place >= table.numbers else "" for place in range(len(cells))]
        return "<tr>" + "".join(f"<{tag}{kind}>{_cell(c)}</{tag}>" for c, kind in zip(cells, kinds, strict=True)) + "</tr>"

    rows = "\n".join(row(cells, "td") for cells in table.rows)
    return f'<div class="wide"><table>\n<thead>{row(table.headings, "th")}</thead>\n<tbody>\n{rows}\n</tbody></table></div>'


def _cell(words: str) -> str:
    """A text that may be broken where a latent expression has its parts, as narrow windows need it."""
    return re.sub(r"(,|\)/|_)", r"\1<wbr>", escape(words))


def _picture(picture: PagePicture, dpi: float) -> str:
    data = base64.b64encode(render(picture.figure, "png", dpi=dpi)).decode()
    width, height = (round(size * 96) for size in picture.figure.get_size_inches())
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(picture.alt)}" width="{width}" height="{height}">'
    return f"<figure>{image}{_caption(picture.caption)}</figure>"


def _scene(scene: Scene, number: int) -> str:
    place = f'<div class="scene" id="{_place(number)}" role="img" aria-label="{escape(scene.alt)}"></div>'
    return f"<figure>{place}{_caption(scene.caption)}</figure>"


def _caption(words: str) -> str:
    return f"<figcaption>{escape(words)}</figcaption>" if words else ""
