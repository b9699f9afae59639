"""Tables on stdout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from topovae.cli.shell import console, print_table
from topovae.signature import parse_latent

_COLUMNS = ("rms", "nll", "kl", "elbo", "iwae", "stress")
_SWEPT = ("rms", "kl", "elbo", "stress", "mig")


def print_metrics(latent: str, final: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> None:
    """Metrics by split, the baseline's below the model's."""
    from rich.table import Table

    table = Table(title="metrics (nats a sample; rms in the data's units)", title_justify="left")
    for name in ("latent", "split", *_COLUMNS):
        table.add_column(name, justify="left" if name in {"latent", "split"} else "right")
    for expression, splits in ((latent, final), *([(baseline["latent"], baseline)] if baseline else [])):
        name = _name(expression)
        for split in ("train", "valid", "test"):
            row = splits[split]
            if row is None:  # of a file of its own, all samples are for testing
                continue
            table.add_row(name, split, *(_number(row.get(column)) for column in _COLUMNS))
        table.add_section()
    out = console()
    print_table(table)
    for expression, splits in ((latent, final), *([(baseline["latent"], baseline)] if baseline else [])):
        print_depth(_name(expression), splits["test"])
    for expression, splits in ((latent, final), *([(baseline["latent"], baseline)] if baseline else [])):
        if splits["test"].get("mig") is not None:
            out.print(f"{_name(expression)} on test: mutual information gap {splits['test']['mig']:.3f}", markup=False)
    for circle in final["test"].get("recovery") or []:
        within = circle["within_groups"]
        parts = "" if within is None else f", within groups {within:.3f}"
        out.print(f"angle recovered on test: circular correlation {circle['circular_correlation']:.3f}{parts}")


def print_depth(name: str, test: Mapping[str, Any]) -> None:
    """KL by factor, active units and kept neighbours of the test split, where they were found."""
    if test.get("active_units") is None:
        return
    parts = ", ".join(f"{factor} {value:.3g}" for factor, value in test["kl_per_factor"].items())
    kept = f"trustworthiness {_number(test['trustworthiness'])}, continuity {_number(test['continuity'])}"
    units = f"{test['active_units']} of {test['units']} features active"
    console().print(f"{name} on test: KL {parts}; {units}; {kept}", markup=False)


DIFFERENCES = {"elbo": "ELBO", "iwae": "IWAE", "nll": "NLL", "kl": "KL"}


def print_comparison(document: Mapping[str, Any]) -> None:
    """By how much the model differs from the one beside it, sample by sample."""
    found, reference = document["comparison"], document["baseline"]
    out = console()
    if reference is None:
        return
    names = f"{_name(document['latent'])} less {_name(reference['latent'])}"
    if found is None:
        out.print(f"{names}: one likelihood is a density, the other a probability, which do not compare", markup=False)
        return
    known = {name: found["differences"][name] for name in DIFFERENCES if found["differences"][name] is not None}
    said = ", ".join(f"{DIFFERENCES[name]} {_number(value['mean'])}{interval(value)}" for name, value in known.items())
    counted = f"{found['samples']} test samples" + (f" of {found['groups']} groups" if found["groups"] else "")
    out.print(f"{names} on the same {counted}, mean [{found['level']:.0%}], nats a sample: {said}", markup=False)


def interval(value: Mapping[str, float | None]) -> str:
    """A confidence interval behind a number; nothing where there is none."""
    low, high = value["low"], value["high"]
    return "" if low is None or high is None else f" [{_number(low)}, {_number(high)}]"


def print_sweep(document: Mapping[str, Any]) -> None:
    """Means and spreads over seeds by beta and latent, and where each latent is the best, and by how much."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    winners = {winner["beta"]: winner["latent"] for winner in document["winners"]}
    title = (
        "test split, mean±sd over seeds, below it [95 % interval of the mean]; nats a sample, rms in the data's units; * best"
    )
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("beta", justify="right", no_wrap=True)
    table.add_column("latent")
    shown = [name for name in _SWEPT if any(row[name]["mean"] is not None for row in document["summary"])]
    for name in shown:
        table.add_column(name, justify="right")
    for beta in dict.fromkeys(row["beta"] for row in document["summary"]):
        for row in (row for row in document["summary"] if row["beta"] == beta):
            name = _name(row["latent"]) + (" *" if winners.get(beta) == row["latent"] else "")
            table.add_row(f"{beta:.3g}", name, *(_with_interval(row[column]) for column in shown))
        table.add_section()
    out = console()
    out.print(title)
    print_table(table)
    _print_winners(document["winners"])
    diverged = sum(row["diverged"] for row in document["summary"])
    if diverged:
        out.print(f"{diverged} of {len(document['runs'])} runs diverged and count in no mean; try a smaller --learning-rate")
    for latent in dict.fromkeys(winners.values()):
        betas = [f"{beta:.3g}" for beta, best in winners.items() if best == latent]
        share = f"{len(betas)} of {len(winners)} betas ({', '.join(betas)})"
        out.print(f"best validation ELBO: {_name(latent)} at {share}", markup=False)


def _print_winners(winners: Sequence[Mapping[str, Any]]) -> None:
    """The best latent at each beta beside the second best, where several were compared."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    compared = [winner for winner in winners if winner["runner_up"] is not None]
    if not compared:
        return
    title = "validation ELBO, nats a sample; lead = mean±sd of the differences at equal seeds, as above"
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("beta", "best", "elbo", "second", "lead", "seeds ahead"):
        table.add_column(name, justify="left" if name in {"best", "second"} else "right")
    for winner in compared:
        margin = {name: winner[f"margin_{name}"] for name in ("sd", "low", "high")} | {"mean": winner["margin"]}
        lead, names = _with_interval(margin), (winner["latent"], winner["runner_up"])
        best, second = map(_name, names)
        seeds = f"{winner['ahead']} of {winner['seeds']}"
        table.add_row(f"{winner['beta']:.3g}", best, _number(winner["valid_elbo"]), second, lead, seeds)
    console().print(title)
    print_table(table)


def print_reproduction(document: Mapping[str, Any]) -> None:
    """What was published above ours, by row, with ours marked where it is at least as good; and how the two differ."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from topovae.reproduction.figures import FIGURES

    names, betas = document["figures"], {row["beta"] for row in document["rows"]}
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("row")
    if len(betas) > 1:
        table.add_column("beta", justify="right", no_wrap=True)
    table.add_column("whose")
    for name in names:
        table.add_column(name, justify="right")
    for row in document["rows"]:
        first = [row["row"]] + ([f"{row['beta']:.3g}"] if len(betas) > 1 else [])
        if any(row["published"][name]["mean"] is not None for name in names):
            table.add_row(*first, "published", *(_reported(row["published"][name]) for name in names))
            first = [""] * len(first)
        better = {name: FIGURES[name].better for name in names}
        table.add_row(*first, "ours", *(_compared(row, name, better[name]) for name in names))
    out = console()
    out.print(f"{document['title']} ({document['source']})", markup=False)
    print_table(table)
    seeds = ", ".join(map(str, document["seeds"]))
    below = ", below it [95 % interval of the mean]" if len(document["seeds"]) > 1 else ""
    out.print(f"test split, mean±sd over seeds ({seeds}){below}; * at least as good as published", markup=False)
    for name in names:
        out.print(f"  {name}: {FIGURES[name].meaning}", markup=False)
    out.print("what differs:")
    for sentence in document["differences"]:
        out.print(f"  - {sentence}", markup=False)


def _compared(row: Mapping[str, Any], name: str, better: int) -> str:
    """Ours, with a star where it is at least as good as what was published."""
    ours, theirs = row["ours"][name]["mean"], row["published"][name]["mean"]
    ahead = None not in (ours, theirs) and better != 0 and better * (ours - theirs) >= 0
    value, star = row["ours"][name], " *" if ahead else ""
    first, *rest = _with_decimals(value).split("\n")
    return "\n".join([first + star, *rest])


def _reported(value: Mapping[str, float | None]) -> str:
    """A published figure as it was reported."""
    mean, sd = value["mean"], value["sd"]
    return "–" if mean is None else f"{mean:g}" + ("" if sd is None else f"±{sd:g}")


def _with_decimals(value: Mapping[str, float | None]) -> str:
    """As `_with_interval`; a mean without a spread with two decimals at least, as differences of nats are small beside them."""
    mean, sd = value["mean"], value["sd"]
    return f"{mean:.2f}" if sd is None and mean is not None and abs(mean) >= 10 else _with_interval(value)


def print_certificate(certificate: Mapping[str, Any] | None, persistence: Mapping[str, Any] | None) -> None:
    """The verdict on the encoder, and why."""
    if certificate is None or persistence is None:
        return
    out = console()
    out.print(f"certificate: {certificate['verdict']}")
    for reason in certificate["reasons"]:
        out.print(f"  - {reason}", markup=False)
    mean = persistence["mean_h1_h2_bottleneck"]
    out.print(f"persistence of latents against data: mean H1/H2 bottleneck distance {_number(mean)} (in diameters)")


def print_samples(document: Mapping[str, Any]) -> None:
    """How samples from the prior lie to the data, the baseline's beside the model's."""
    for latent, found in ((document["latent"], document["samples"]), _baseline_samples(document)):
        if found is not None:
            off, covered = (f"{100 * found[name]:.1f} %" for name in ("off_data", "coverage"))
            console().print(f"samples of {_name(latent)}: {off} off the data, near {covered} of the test samples", markup=False)


def _baseline_samples(document: Mapping[str, Any]) -> tuple[str, Mapping[str, float] | None]:
    baseline = document["baseline"]
    return ("", None) if baseline is None else (baseline["latent"], baseline["samples"])


def print_operators(operators: Sequence[Mapping[str, Any]]) -> None:
    """The eigenvalues of each operator of a learned prior, and what they say."""
    for one in operators:
        values = ", ".join(f"{re:+.3f}{im:+.3f}i" for re, im in zip(one["real"], one["imaginary"], strict=True))
        words = "its orbits close" if one["closed"] else "its orbits do not close"
        words = words if one["used"] else "the prior does not use it"
        words = "the data do not need it: pruned" if one["pruned"] else words
        console().print(f"operator {one['operator']} of {one['factor']}: eigenvalues {values}: {words}", markup=False)


def print_published(found: Mapping[str, Any] | None) -> None:
    """What the published estimator of operators says, beside the proper bound, and that it is none."""
    if found is None:
        return
    anchors = "the anchors of their label" if found["by_label"] else "all anchors"
    value, proper = (f"{found[name]:.2f}" for name in ("log_likelihood", "iwae"))
    console().print(
        f"published estimator on {found['samples']} test samples, {found['draws']} draws each, {anchors}: {value} nats, which "
        f"bounds no likelihood, as likeliest coefficients make no density; IWAE of the same draws: {proper} "
        f"({100 * found['converged']:.1f} % of the coefficients converged)",
        markup=False,
    )


def print_embeddings(embeddings: Sequence[Mapping[str, Any]]) -> None:
    """How well learned maps cover their manifolds."""
    for one in embeddings:
        covered, found = (f"{100 * one[name]:.1f} %" for name in ("coverage", "injectivity"))
        words = f"the map of {one['factor']} covers {covered} of its points, {found} of the codes are found again"
        console().print(f"{words}, MMD {one['mmd']:.3f}", markup=False)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _spread(value: Mapping[str, float | None]) -> str:
    """Mean±standard deviation to one digit of the latter, two where it begins with a 1: few seeds tell no more."""
    mean, sd = value["mean"], value["sd"]
    if mean is None or sd is None:
        return _number(mean)
    return f"{_rounded(mean, sd)}±{_rounded(sd, sd)}"


def _with_interval(value: Mapping[str, float | None]) -> str:
    """As `_spread`, with the confidence interval of the mean below it where there is one."""
    low, high, sd = value["low"], value["high"], value["sd"]
    if low is None or high is None or sd is None:
        return _spread(value)
    return f"{_spread(value)}\n[{_rounded(low, sd)}, {_rounded(high, sd)}]"


def _rounded(value: float, sd: float) -> str:
    """A number to the digits that its standard deviation leaves."""
    decimals = 4
    if sd > 0:
        first = f"{sd:.1e}"
        decimals = max(0, (first[0] == "1") - int(first.partition("e")[2]))
    # Adding 0 makes 0 of -0.
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def _name(expression: str) -> str:
    return parse_latent(expression, allow_orbifold=True).name or expression
