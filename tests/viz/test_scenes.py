"""Scenes of a page: what they say ends no script, and a page runs its own scripts alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from topovae.viz import html
from topovae.viz.html import Section, render_page
from topovae.viz.scenes import Scene, library, script

POINTS = np.random.default_rng(0).normal(size=(20, 3))
SCENE = Scene(POINTS, ["#0072b2"] * 20, (POINTS[:5],), "</script><b>alt", "caption <i>")


def test_a_script_holds_points_and_curves_and_cannot_be_ended_by_words() -> None:
    text = script(SCENE, "</script>")
    assert text.startswith("Plotly.newPlot(") and text.endswith(");") and "<" not in text
    place, (curve, dots), layout, _ = json.loads(f"[{text[len('Plotly.newPlot(') : -2]}]")
    assert place == "</script>" and layout["scene"]["aspectmode"] == "data"
    np.testing.assert_allclose(np.column_stack([dots[name] for name in "xyz"]), POINTS, atol=1e-3)
    assert len(curve["x"]) == 5 and dots["marker"]["color"] == list(SCENE.colours)


def test_without_the_library_a_page_has_no_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "library", lambda: None)
    with_scene, without = (render_page("page", [Section("words", ["text"], scenes=scenes)]) for scenes in ((SCENE,), ()))
    assert with_scene == without and b"<script" not in without


def test_only_scripts_of_the_page_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "library", lambda: "var Plotly = {newPlot: function () {}};")
    page = render_page("page", [Section("none"), Section("two", scenes=[SCENE, SCENE])]).decode()
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    wanted = [f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}" for text in scripts]
    policy = re.search(r'Policy" content="(.*?)"', page)
    assert len(scripts) == 3 and policy is not None and "unsafe-eval" not in policy[1]
    assert policy[1].split("script-src ")[1].replace("&#x27;", "").split() == wanted
    assert [f'id="scene-{number}"' in page for number in range(3)] == [True, True, False]
    assert "&lt;/script&gt;&lt;b&gt;alt" in page and "caption &lt;i&gt;" in page


def test_a_page_with_the_library_is_small_enough() -> None:
    if library() is None:
        pytest.skip("plotly (topovae[report]) is not installed")
    page = render_page("page", [Section("words", scenes=[SCENE])])
    assert len(page) < html.LARGEST and b"scene-0" in page
