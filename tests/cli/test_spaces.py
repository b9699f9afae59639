"""`topovae spaces`: the latent spaces as a table and as JSON."""

from __future__ import annotations

from typing import Any

from topovae.cli.spaces import EXAMPLES
from topovae.signature import EMBEDDING, LEARNED, MODELS, NAMES


def test_json_lists_every_name(tool: Any) -> None:
    document = tool("spaces", "--json").json()
    assert document["schema"] == "topovae/spaces/1"
    rows = {row["name"]: row for row in document["spaces"]}
    assert list(rows) == [*NAMES, *MODELS, *EXAMPLES]
    klein = rows["klein"]
    assert (klein["latent"], klein["dim"], klein["group_order"]) == (NAMES["klein"], 2, 2)
    assert (klein["coordinates"], klein["features"]) == (2, 5)
    assert len(klein["factors"]) == len(klein["priors"]) == len(klein["posteriors"]) == 2
    assert klein["families"] == [["wrapped-normal", "von-mises", "full-wrapped-normal"]] * 2
    assert {name: row["kl"] for name, row in rows.items() if row["kl"] == "short-time"} == {"embedded_torus": "short-time"}
    assert all(row["group_order"] >= 1 and row["features"] >= row["dim"] for row in rows.values())


def test_one_expression_is_described(tool: Any) -> None:
    (row,) = tool("spaces", "S1xR2", "--json").json()["spaces"]
    assert (row["latent"], row["dim"], row["coordinates"], row["kl"]) == ("S1xR2", 3, 3, "exact")


def test_the_table_names_every_space(tool: Any) -> None:
    shown = tool("spaces")
    assert shown.code == 0 and shown.err == ""
    assert [name for name in (*NAMES, *MODELS, LEARNED, EMBEDDING) if name not in shown.out.decode()] == []


def test_head_closes_the_pipe_in_silence(tool: Any) -> None:
    shown = tool.shell("topovae spaces | head -1")
    assert (shown.code, shown.err) == (0, "") and len(shown.out.splitlines()) == 1
