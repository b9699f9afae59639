"""The page of a run: what was asked, what was found, how sure that is, and what to do next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from topovae.data.dataset import Dataset
from topovae.runs.pages import RunPictures, best_epoch, certificate_page
from topovae.signature import parse_latent
from topovae.store.documents import probability
from topovae.store.schema import SPLITS, Member, Run
from topovae.viz.barcode import draw_barcode
from topovae.viz.curves import draw_history, height_of_history
from topovae.viz.html import PagePicture, Section, Table, render_page
from topovae.viz.images import draw_reconstructions
from topovae.viz.latents import PAGE, LatentPart, draw_decodes, draw_parts, has_decodes, height_of, height_of_decodes
from topovae.viz.scenes import Scene
from topovae.viz.solids import solids_of
from topovae.viz.style import Paint, figure

METRICS = ("rms", "nll", "kl", "elbo", "iwae", "stress")

ADVICE = {
    "homeomorphic": "The latent coordinates can be used as coordinates of the data: `encode` gives them for new samples, and "
    "`traverse` goes along them.",
    "undecided": "Neither a fault nor its absence was shown. More samples help most; then more epochs, or another --seed, and "
    "`evaluate` again.",
    "not homeomorphic": "Do not read the latent coordinates as coordinates of the data. See which patches fail, and train with "
    "another --seed, more --epochs, or another --latent that the diagnosis names.",
    "not applicable": "The prior was learned from the data: `evaluate --against` compares its likelihood and its samples with "
    "those of other latents, and `traverse --operator` shows what its operators do.",
    "": "Not certified here: `evaluate` says whether the encoder is a homeomorphism onto its latent space.",
}
"""What to do, by the verdict of the certificate."""

UNJUDGED = {"not applicable": "The prior was learned, so a certificate is not applicable."}
"""What is said where the encoder is not judged, by the verdict."""


@dataclass(frozen=True)
class Reference:
    """A model that that of a run is compared with.

    Attributes:
        member: the model.
        name: what the page calls it.
        rows: (m,) of the data of the run that both held out.
    """

    member: Member
    name: str
    rows: np.ndarray


def report_page(
    run: Run,
    samples: Dataset | None,
    path: str,
    *,
    certify: bool = True,
    against: Reference | None = None,
    seed: int = 0,
    device: str = "auto",
) -> bytes:
    """One self-contained HTML page on a run.

    Args:
        run: a finished run.
        samples: its data; None where they are not at hand: then without reconstructions, colours, certificate and intervals.
        path: of the run file, for the commands.
        certify: whether to certify the encoder, which takes most of the time.
        against: what it is compared with in place of its baseline.
        seed: of the posterior samples of that comparison.
        device: where to encode.

    Raises:
        InputError: the run is not finished.
    """
    shown = RunPictures.of(run, samples)
    reference = against or _baseline(run, samples)
    certificate = _certified(run, samples, device) if certify and samples is not None else None
    verdict = "" if certificate is None else str(certificate["certificate"]["verdict"])
    sections = (
        _question(run),
        *_diagnosis(run),
        _latent(run, shown),
        _training(run, shown),
        _certificate(run, samples, certificate),
        Section("The comparison", [_comparison(run, samples, reference, seed, device)]),
        Section("What to do next", [ADVICE[verdict]]),
        _commands(run, path),
    )
    name = shown.name or run.model.latent
    return render_page(f"{os.path.basename(run.header.data.path) or 'samples'}: {name}", sections)


def _question(run: Run) -> Section:
    """What the data are, and what was asked of them."""
    data, config = run.header.data, run.header.config
    asked = "which topology have these data, and does a model with that latent space copy it faithfully?"
    if run.analysis is None:
        asked = f"does a model with the latent space {run.model.latent} copy the topology of these data faithfully?"
    shape = " x ".join(map(str, data.shape))
    split = ", ".join(f"{len(run.split[name])} {name}" for name in SPLITS if name in run.split)
    facts = [
        f"data: {data.path or 'an array'}, {shape}, {data.dtype}",
        f"split: {split} (seed {run.header.seed})",
        f"made by topovae {run.header.topovae_version} on {run.header.created}, {run.header.device}",
    ]
    chosen = config.get("selection")
    if chosen:
        facts.append(f"selection: {', '.join(f'{k} {v}' for k, v in chosen.items() if v and k not in ('center', 'spread'))}")
    return Section("The question", [f"{asked[0].upper()}{asked[1:]}"], facts)


def _diagnosis(run: Run) -> list[Section]:
    """What persistent homology said of the training split, and why."""
    found = run.analysis or {}
    best = found.get("recommendation")
    if not best:
        return []
    answer = f"{best.get('name')} ({best.get('latent')})" if best.get("latent") else "no space of the catalogue"
    confidence = best.get("confidence")
    sure = "" if confidence is None else f", confidence {probability(float(confidence))}"
    candidates = list(found.get("candidates") or ())
    reasons = next((c.get("reasons") or () for c in candidates if c.get("latent") == best.get("latent")), ())
    rows = [[str(c.get("name")), str(c.get("latent")), probability(float(c.get("score") or 0))] for c in candidates[:6]]
    bars = [bar for bar in found.get("bars") or () if bar.get("significant") or bar.get("dim")]
    pictures = []
    if bars:
        drawn = figure(PAGE, 5.0)
        draw_barcode(drawn, bars, title="persistent homology of the training split")
        pictures.append(PagePicture(drawn, "barcodes by prime and degree; long coloured bars are more than noise"))
    table = Table(("candidate", "latent", "score"), rows, numbers=2) if rows else None
    said = f"The training split looks like {answer}{sure}."
    if best.get("latent") != run.model.latent:
        said = (
            "The latent space was given, not chosen by the diagnosis, which was made as far as the start of the encoder needs "
            f"it (often without homology of degree 2); by that the training split looks like {answer}{sure}."
        )
    return [Section("The diagnosis", [said], list(reasons), table, (), pictures)]


def _latent(run: Run, shown: RunPictures) -> Section:
    """The latent space with the samples on it, and what it decodes to."""
    latent = parse_latent(run.model.latent, allow_orbifold=True)
    paints = [Paint(c.values, c.kind, c.name) for c in shown.colourings] or [Paint(None)]
    drawn = figure(PAGE, height_of(shown.parts, len(paints)) + 0.4)
    draw_parts(drawn, shown.parts, paints)
    pictures = [
        PagePicture(drawn, f"samples on the latent space {latent}", "Samples on the latent space, by posterior location.")
    ]
    for part in shown.parts:
        if has_decodes(part):
            decoded = figure(PAGE, height_of_decodes(part))
            draw_decodes(decoded, part)
            pictures.append(PagePicture(decoded, f"decodes over {part.name}", f"What {part.name} decodes to."))
    named = f"{shown.name}, {run.model.latent}" if shown.name else run.model.latent
    said = [f"The latent space is {named}, of dimension {latent.dim}."]
    notes = dict.fromkeys(part.note for part in shown.parts if part.note)
    scenes = [scene for part in shown.parts for scene in _scenes(part, paints[0].of(part.rows))]
    return Section("The latent space", said, [*(f"Drawn as {note}." for note in notes)], pictures=pictures, scenes=scenes)


def _scenes(part: LatentPart, paint: Paint) -> list[Scene]:
    """The factors of a component that lie in space, to be turned."""
    colours, named = paint.colours(part.chosen), f", coloured by {paint.name}" if paint.name else ""
    return [
        Scene(
            solid.points,
            colours,
            solid.lines,
            f"samples on {part.name} in space",
            f"{part.name} in space{named}: turn it by dragging{'; ' + solid.note if solid.note else ''}.",
        )
        for solid in solids_of(part)
    ]


def _training(run: Run, shown: RunPictures) -> Section:
    """Metrics, learning curves and reconstructions."""
    members = [run.model, *([run.baseline] if run.baseline is not None else [])]
    splits = [name for name in SPLITS if any(member.final.get(name) for member in members)]
    found = [
        (metric, member, [(member.final.get(name) or {}).get(metric) for name in splits])
        for metric in METRICS
        for member in members
    ]
    rows = [[metric, _name(member.latent), *map(_number, values)] for metric, member, values in found if set(values) - {None}]
    curves = figure(PAGE, height_of_history(run.baseline is not None))
    baseline = None if run.baseline is None else run.baseline.history
    other = "baseline" if run.baseline is None else f"{run.baseline.latent} baseline"
    draw_history(curves, run.model.history, baseline, best_epoch=best_epoch(run.model), names=(run.model.latent, other))
    pictures = [PagePicture(curves, "learning curves by epoch", "Learning curves.")]
    if shown.images is not None:
        rebuilt = figure(PAGE, 1.7)
        draw_reconstructions(rebuilt, *shown.images, blocks=1)
        pictures.append(
            PagePicture(rebuilt, "samples above their reconstructions", "Samples of the test split, reconstructed.")
        )
    ended = run.model.config.get("end")
    said = [f"Metrics of the epoch that validates best, in nats a sample; rms in the data's units. Training: {ended}."]
    table = Table(("metric", "latent", *splits), rows, numbers=2)
    return Section("Training and metrics", said if ended else said[:0], table=table, pictures=pictures)


def _certificate(run: Run, samples: Dataset | None, found: Mapping[str, Any] | None) -> Section:
    """Whether the encoder is a homeomorphism, why, and where not."""
    if found is None or samples is None:
        reason = "the data are not at hand" if samples is None else "it was left out"
        return Section("The certificate", [f"No certificate on this page, as {reason}."])
    certificate = found["certificate"]
    verdict = certificate["verdict"]
    distance = _number(found["persistence"]["mean_h1_h2_bottleneck"])
    said = [
        UNJUDGED.get(verdict, f"The encoder is {verdict} onto its latent space, as far as these samples tell."),
        f"Persistence of latents against data: mean H1/H2 bottleneck distance {distance} (in diameters).",
    ]
    pictures: Sequence[PagePicture] = ()
    if found["figure"] is not None:
        pictures = [PagePicture(found["figure"], "failing patches, fibres, winding numbers and persistence of the certificate")]
    return Section("The certificate", said, certificate["reasons"], pictures=pictures)


def _certified(run: Run, samples: Dataset, device: str) -> dict[str, Any]:
    """The certificate with its picture, where it rests on local fits."""
    from topovae.homology.cloud.ground import survey
    from topovae.homology.cloud.presets import Preset
    from topovae.runs.evaluation import certify_member, own_samples

    own, preset, seed = own_samples(run, samples), Preset.of(run.analysis), run.header.seed
    ground = survey(own, seed, preset)
    found = certify_member(run.model, own, ground, preset=preset, seed=seed, device=device)
    drawn: Figure | None = None
    if found["certificate"]["patches"] is not None:
        drawn = certificate_page(run, own, ground, found["certificate"], seed=seed)
    return found | {"figure": drawn}


def _baseline(run: Run, samples: Dataset | None) -> Reference | None:
    """The baseline of a run, where one was trained."""
    from topovae.runs.evaluation import held_out

    if run.baseline is None:
        return None
    rows = np.asarray(run.split["test"]) if samples is None else held_out(run, samples)
    return Reference(run.baseline, f"the baseline {_name(run.baseline.latent)}", rows)


def _comparison(run: Run, samples: Dataset | None, reference: Reference | None, seed: int, device: str) -> str:
    """Whether the model fits samples that it has not seen better than another, and how sure that is."""
    from topovae.runs.evaluation import compare_members

    if reference is None:
        return (
            "No other model was trained beside this one. Whether another latent space fits better is what `sweep` answers, "
            "at several betas and seeds."
        )
    name = _name(run.model.latent)
    if samples is None:
        ours, theirs = _elbo(run.model), _elbo(reference.member)
        if ours is None or theirs is None:
            return f"{name} and {reference.name} are not compared, as the data are not at hand."
        return (
            f"On the test split the ELBO of {name} is {_lead(ours - theirs)} that of {reference.name}; how sure that is "
            "cannot be said without the data."
        )
    found = compare_members(run.model, reference.member, samples, reference.rows, seed=seed, device=device)
    if found is None:
        return f"{name} and {reference.name} do not compare: the likelihood of one is a density, of the other a probability."
    return (
        f"{compared(found, name, reference.name)} This is one training of each; `sweep` compares latent spaces at several "
        "betas and seeds."
    )


def compared(found: Mapping[str, Any], ours: str, theirs: str) -> str:
    """A paired comparison in words.

    Args:
        found: a `PairedComparison` as in the JSON of `evaluate`, with its ELBO.
        ours, theirs: what the first and the second model are called.
    """
    elbo, groups = found["differences"]["elbo"], found["groups"]
    counted = f"{found['samples']} samples{f' of {groups} groups' if groups else ''} that both held out"
    said = f"On the {counted}, the mean ELBO of {ours} is {_lead(elbo['mean'])} that of {theirs}"
    low, high = elbo["low"], elbo["high"]
    if low is None or high is None:
        return f"{said}; a single draw tells nothing of others."
    sure = f"{said} ({100 * found['level']:.0f} % interval of the difference: {low:.3g} to {high:.3g})"
    if low <= 0 <= high:
        return f"{sure}, which may be chance: these samples do not tell which fits better."
    return f"{sure}: {ours if low > 0 else theirs} fits such samples better."


def _lead(difference: float) -> str:
    return f"{abs(difference):.3g} nats {'above' if difference >= 0 else 'below'}"


def _elbo(member: Member) -> float | None:
    value = (member.final.get("test") or {}).get("elbo")
    return None if value is None else float(value)


def _commands(run: Run, path: str) -> Section:
    """What made the run, and what goes on from it."""
    file = shlex.quote(path)
    return Section(
        "The commands",
        commands=[
            shlex.join(run.header.command),
            f"topovae evaluate {file}",
            f"topovae encode {file} -i NEW_DATA --format csv -o coordinates.csv",
            f"topovae score {file} NEW_DATA --format csv -o scores.csv",
            f"topovae sample {file} -n 100 -o new.npy",
        ],
    )


def _name(latent: str) -> str:
    """The name of a latent space, or its expression where it has none: as narrow as a table can have it."""
    return parse_latent(latent, allow_orbifold=True).name or latent


def _number(value: Any) -> str:
    return "–" if not isinstance(value, int | float) else f"{value:.4g}"
