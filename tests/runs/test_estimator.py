"""The scikit-learn interface."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from support.places import ROOT
from support.rows import Counted

import topovae
from topovae.data.dataset import Dataset
from topovae.data.synthetic.spaces import generate
from topovae.errors import InputError, OutputError, RunFileError, UsageError
from topovae.homology.verdict.stored import StoredAnalysis
from topovae.runs.provenance import make_header
from topovae.store.atomic import holding
from topovae.store.documents import finite
from topovae.store.reader import read_run
from topovae.store.writer import write_report

X = generate("circle", 200, ambient=8, noise=0.05, seed=3).x


@pytest.fixture(scope="module")
def fitted() -> Any:
    return topovae.TopoVAE(latent="S1", epochs=3, init="random", random_state=4).fit(X)


def test_parameters_survive_cloning() -> None:
    model = topovae.TopoVAE(latent="S1xR2", beta=2.0, random_state=7)
    assert clone(model).get_params() == model.get_params()


def test_unfitted_models_say_so() -> None:
    with pytest.raises(NotFittedError):
        topovae.TopoVAE().transform(X)


def test_shapes_and_units(fitted: Any) -> None:
    z = fitted.transform(X)
    assert z.shape == (200, 1) and np.abs(z).max() <= np.pi + 1e-6
    assert fitted.inverse_transform(z).shape == X.shape
    assert fitted.sample(5).shape == (5, 8)
    np.testing.assert_array_equal(fitted.sample(5, random_state=1), fitted.sample(5, random_state=1))


def test_equal_seeds_give_equal_models(fitted: Any) -> None:
    again = clone(fitted).fit(X)
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))


def test_auto_reads_each_row_once() -> None:
    source = Counted(X)
    topovae.TopoVAE(latent="auto", epochs=1).fit(source)
    assert (source.count == 1).all()


def test_a_saved_model_is_a_run_file(fitted: Any, tmp_path: Path) -> None:
    fitted.save(str(tmp_path / "run.h5"))
    run = read_run(tmp_path / "run.h5")
    assert run.model.latent == fitted.latent_ == "S1"
    assert run.header.command == ("topovae.TopoVAE.fit",) and run.header.seed == 4


def test_a_place_that_another_holds_is_not_written(fitted: Any, tmp_path: Path) -> None:
    with holding(tmp_path / "run.h5"), pytest.raises(OutputError, match="another process of topovae is writing"):
        fitted.save(tmp_path / "run.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_run_file_loads_as_the_model_that_it_holds(fitted: Any, tmp_path: Path) -> None:
    fitted.save(str(tmp_path / "run.h5"))
    again = topovae.load(str(tmp_path / "run.h5"))
    assert again.get_params() == fitted.get_params() | {"device": again.device, "likelihood": "gaussian"}
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))


def test_a_model_is_measured_certified_and_drawn_on_its_own_data(fitted: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    model = clone(fitted).fit(tmp_path / "x.npy")
    model.save(tmp_path / "run.h5")
    again = topovae.load(tmp_path / "run.h5")  # which knows where its data are
    metrics = again.evaluate(iwae=4)
    assert metrics["test"]["rms"] == pytest.approx(model.run_.model.final["test"]["rms"], rel=1e-5)
    assert again.certificate()["verdict"] in {"homeomorphic", "not homeomorphic", "undecided"}
    for page in (again.plot(), again.plot(X)):
        assert isinstance(page, Figure) and page.axes
    other = again.evaluate(X[:50])  # which are not those of the run: all for testing
    assert other["train"] is None and other["valid"] is None and other["test"]["rms"] > 0


def test_a_model_of_an_array_is_measured_on_that_array(fitted: Any) -> None:
    assert fitted.evaluate(X, iwae=0).keys() == {"train", "valid", "test"}
    with pytest.raises(InputError, match="give them as X"):
        fitted.evaluate()


def test_a_report_loads_as_the_diagnosis_that_it_holds(tmp_path: Path) -> None:
    found = topovae.analyze(X)
    header = make_header(Dataset.of(X), {}, 0, "cpu", ("topovae",))
    write_report(tmp_path / "report.h5", found.to_dict(), {}, header)
    again = topovae.load(tmp_path / "report.h5")
    assert again.to_dict() == finite(found.to_dict())
    assert again.summary == found.summary
    assert again.recommendation.to_dict() == found.recommendation.to_dict()
    assert again.plot().axes and found.plot("circle").axes


def test_a_notebook_shows_the_answer_and_why_as_text() -> None:
    found = topovae.analyze(X)
    shown = found._repr_html_()
    assert "S1" in shown and all(escape(sentence) in shown for sentence in found.summary)
    hostile = StoredAnalysis(found.to_dict() | {"summary": ["<script>alert(1)</script>"]}, {})
    assert "<script>" not in hostile._repr_html_() and "&lt;script&gt;" in hostile._repr_html_()


def test_what_is_shown_of_public_objects_fits_a_screen(fitted: Any, tmp_path: Path) -> None:
    found = topovae.analyze(X)
    analyzer = topovae.TopologyAnalyzer().fit(X)
    space = topovae.LatentSpace("klein")
    data = generate("torus", 500, ambient=40)
    fitted.save(tmp_path / "run.h5")
    ours = (fitted, fitted.model_, fitted.run_, fitted.run_.model, data)
    theirs = (analyzer, found, found.recommendation, found.pieces[0], space, topovae.parse("klein"))
    wide = [type(one).__name__ for one in (*ours, *theirs) if len(repr(one)) > 80 * 24 or repr(one).count("\n") >= 24]
    assert wide == []


def test_an_unfinished_run_is_no_model() -> None:
    with pytest.raises(RunFileError, match="unfinished"):
        topovae.load(str(ROOT / "tests" / "store" / "version1" / "run.h5"))


@pytest.mark.parametrize("name", topovae.__all__)
def test_every_name_of_the_package_is_there(name: str) -> None:
    assert getattr(topovae, name) is not None


@pytest.mark.parametrize(
    ("options", "data", "error"),
    [
        ({"latent": "S1x"}, X, UsageError),
        ({"latent": "S1", "network": "conv"}, X, UsageError),
        ({"latent": "S1", "likelihood": "bernoulli"}, X, UsageError),
        ({"latent": "S1"}, np.full((50, 3), np.nan), InputError),
        ({"latent": "S1"}, X[:5], InputError),
    ],
    ids=["expression", "network", "likelihood", "nan", "few"],
)
def test_what_cannot_be_fitted_is_an_error(options: dict[str, Any], data: np.ndarray, error: type[Exception]) -> None:
    with pytest.raises(error):
        topovae.TopoVAE(epochs=1, **options).fit(data)


def test_the_package_offers_its_api_lazily() -> None:
    assert topovae.parse("torus") == topovae.parse("S1xS1")
    assert topovae.analyze(X, seed=0).to_dict()["schema"] == "topovae/analysis/1"
    with pytest.raises(AttributeError):
        _ = topovae.nothing


def test_anchors_fix_the_frame() -> None:
    drawn = generate("circle", 300, ambient=8, noise=0.05, seed=3)
    anchors = np.column_stack([np.arange(0, 300, 3), drawn.truth[::3, 0]])
    z = topovae.TopoVAE(latent="S1", epochs=20).fit(drawn.x, anchors=anchors).transform(drawn.x)[:, 0]
    off = np.angle(np.exp(1j * (z - drawn.truth[:, 0])))
    assert np.abs(off).mean() < 0.4
    with pytest.raises(UsageError, match="2 columns"):
        topovae.TopoVAE(latent="S1", epochs=1).fit(drawn.x, anchors=anchors[:, :1])
