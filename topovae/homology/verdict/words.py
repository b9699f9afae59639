"""The findings of a diagnosis in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from topovae.homology.verdict.findings import FINDINGS
from topovae.store.documents import probability

if TYPE_CHECKING:
    from topovae.homology.cloud.cleaning import Cleaned
    from topovae.homology.cloud.presets import Preset
    from topovae.homology.features.styles import Styles
    from topovae.homology.verdict.candidates import Recommendation
    from topovae.homology.verdict.piece import Piece


def summary(
    pieces: Sequence[Piece],
    whys: Sequence[str],
    styles: Styles,
    preset: Preset | None,
    cleaned: Cleaned | None,
    left_out: Sequence[str],
    ways: Sequence[str],
    answer: Recommendation,
) -> tuple[str, ...]:
    """Say what was found and what the answer rests on, the most important first.

    Args:
        pieces: what was found of each connected component, the largest first.
        whys: for each component, why its answer is not that of its samples alone; empty where it is.
        styles: what groups and symmetries say.
        preset: what was done to counts and time series first, if anything.
        cleaned: which samples were set aside, if any could be.
        left_out: what was left out of the usual work, and why.
        ways: what would settle an answer that is not sure.
        answer: the recommendation for the data as a whole.
    """
    said = []
    if len(pieces) > 1:
        names = ", ".join(piece.recommendation.name for piece in pieces)
        latents = [piece.recommendation.latent for piece in pieces]
        together = "" if None in latents else f"them together with --latent 'mixture({','.join(map(str, latents))})', or "
        said.append(f"{len(pieces)} components, by themselves: {names}. Train {together}each by itself with --component")
    said += [f"{_place(i, len(pieces))}{describe_piece(piece)}" for i, piece in enumerate(pieces)]
    said += [f"{_place(i, len(pieces))}{why}" for i, why in enumerate(whys) if why]
    if answer.source == "order":
        said.append("the rows in their order run once around a closed curve")
    if cleaned is not None:
        said += cleaned.sentences()
    said += describe_styles(styles)
    if preset is not None and preset.name != "none":
        said += [f"preset {preset.name}: {reason}" for reason in preset.reasons]
    if preset is not None and preset.omitted:
        columns = ", ".join(map(str, preset.omitted))
        said.append(f"left out: column {columns}, which only rises and outweighs all others, as a clock; train without it")
    if preset is not None and preset.outweighing is not None:
        said.append(f"column {preset.outweighing} outweighs all others: if their units differ, divide each by its spread first")
    said += [f"left out: {reason}" for reason in left_out]
    said += [f"what would settle it: {way}" for way in ways]
    if answer.name == "none" and len(pieces) == 1:
        said.append(_why_none(pieces[0]))
    return tuple(said)


def _place(i: int, count: int) -> str:
    return f"component {i + 1}: " if count > 1 else ""


def describe_piece(piece: Piece) -> str:
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
        kind, sure = "no circle" if found.kind == "none" else f"a {found.kind}", probability(found.probability)
        said.append(f"within groups ({found.groups} of {found.samples} samples): {kind} (probability {sure})")
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
