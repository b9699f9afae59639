"""The findings of a diagnosis in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topovae.homology.verdict.findings import FINDINGS

if TYPE_CHECKING:
    from topovae.homology.features.styles import Styles
    from topovae.homology.verdict.analysis import Analysis
    from topovae.homology.verdict.piece import Piece


def summary(analysis: Analysis) -> tuple[str, ...]:
    """Say what was found and what the answer rests on, the most important first."""
    said = []
    if analysis.components > 1:
        names = ", ".join(piece.recommendation.name for piece in analysis.pieces)
        said.append(f"{analysis.components} components, by themselves: {names}. Train each by itself")
    said += [f"{_place(i, analysis.components)}{describe(piece)}" for i, piece in enumerate(analysis.pieces)]
    said += [
        f"{_place(i, analysis.components)}{outlook.reason}" for i, outlook in enumerate(analysis.outlooks) if outlook.reason
    ]
    if analysis.override is not None and analysis.override.source == "order":
        said.append("the rows in their order run once around a closed curve")
    if analysis.cleaned is not None:
        said += analysis.cleaned.sentences()
    said += describe_styles(analysis.styles)
    if analysis.preset is not None and analysis.preset.name != "none":
        said += [f"preset {analysis.preset.name}: {reason}" for reason in analysis.preset.reasons]
    if analysis.preset is not None and analysis.preset.omitted:
        columns = ", ".join(map(str, analysis.preset.omitted))
        said.append(
            f"column {columns} only rises and outweighs all others, as a clock does: left out here; it should not be trained on"
        )
    said += [f"left out: {reason}" for reason in analysis.left_out]
    if analysis.recommendation.name == "none" and analysis.components == 1:
        said.append(_why_none(analysis.pieces[0]))
    return tuple(said)


def _place(i: int, count: int) -> str:
    return f"component {i + 1}: " if count > 1 else ""


def describe(piece: Piece) -> str:
    """Say what a piece is, as far as its homology and geometry tell."""
    facts = [said for finding in FINDINGS if (said := finding.say(piece)) is not None]
    if piece.cloud.verdicts.doubt is not None:
        facts.append(piece.cloud.verdicts.doubt)
    return ", ".join(facts)


def describe_styles(styles: Styles) -> list[str]:
    """Say what groups and symmetries show."""
    said = []
    if styles.orbits is not None:
        found = styles.orbits
        kind = "no circle" if found.kind == "none" else f"a {found.kind}"
        said.append(f"within groups ({found.groups} of {found.samples} samples): {kind} (probability {found.probability:.2f})")
    closed = [symmetry.transformation for symmetry in styles.symmetries if symmetry.closed]
    if styles.symmetries:
        said.append(f"the set of images is closed under {', '.join(closed) or 'no transformation tried'}")
    if styles.style is not None:
        style = styles.style
        how = "measured" if style.measured else "the usual number, as the orbits are too few to measure it"
        said.append(f"orbits differ by {style.dimension} coordinates ({how})")
    return said


def _why_none(piece: Piece) -> str:
    nearest = "; ".join(
        f"{candidate.name} ({', '.join(reason for reason in candidate.reasons if reason.startswith('against')) or 'close'})"
        for candidate in piece.candidates[:3]
    )
    return f"no candidate is near enough. Nearest: {nearest}"
