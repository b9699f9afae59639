"""How often the diagnosis is right: generated data of known topology, and how the answers compare with it.

Nothing is printed or written here; `run` yields rows that are JSON documents, `outcome_of` and `scorecard_of` read them.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, ClassVar

from topovae.errors import ExpressionError, InputError, TopovaeError, UsageError
from topovae.runs.processes import forget_peak, in_processes, peak_bytes
from topovae.store.atomic import reporting
from topovae.store.documents import Document

SCHEMA = "topovae/bench-diagnosis/1"

DEFAULT_N = 2000

SIZES: Mapping[str, int] = {"T3": 5000}
"""Samples for spaces that the usual number does not fill."""

CONFIDENT = 0.9
"""An answer at least as sure as this may be relied on."""

BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
"""Edges of the bins of the reliability table."""

START = '{"space": '
"""How every row begins."""


@dataclass(frozen=True)
class Target:
    """What a right answer says of data from a space.

    Attributes:
        names: names and expressions that the diagnosis cannot tell from the space's; `none` for no one manifold.
        components: number of connected components that a right `none` reports.
        parts: name of each component, where the answer names components.
    """

    names: tuple[str, ...]
    components: int = 1
    parts: tuple[str, ...] = ()

    def accepts(self, document: Mapping[str, Any]) -> bool:
        """Whether a diagnosis, as the JSON of `topovae analyze`, is right."""
        best = document["recommendation"]
        if best["name"] == "none":
            return "none" in self.names and self._accepts_parts(document)
        return best["name"] in self.names or any(same_space(best["latent"], name) for name in self.names)

    def _accepts_parts(self, document: Mapping[str, Any]) -> bool:
        found = [part["recommendation"]["name"] for part in document.get("parts") or ()]
        return document["components"] == self.components and (not found or not self.parts or found == list(self.parts))


APART = ("swiss-roll", "embedded-torus")
"""Harder embeddings of spaces that the rate counts already: reported beside it."""


def same_space(one: str | None, other: str | None) -> bool:
    """Whether two latent expressions mean the same space.

    Examples:
        >>> same_space("T3", "S1 x S1 x S1"), same_space("torus", "klein"), same_space(None, "S1")
        (True, False, False)
    """
    from topovae.signature import parse

    try:
        return one is not None and other is not None and parse(one) == parse(other)
    except ExpressionError:
        return False


@cache
def known_spaces() -> tuple[str, ...]:
    """List all clouds of points that can be generated: spaces that have a name, then those that have none, those apart last.

    Spaces in one part come before others, and those that the usual number of samples fills.
    """
    from topovae.data.synthetic.spaces import SPACES

    clouds = [entry for entry in SPACES.values() if entry.dimension is not None and entry.name not in APART]
    clouds.sort(key=lambda entry: (entry.space is None, len(entry.parts), SIZES.get(entry.name, DEFAULT_N)))
    return (*(entry.name for entry in clouds), *APART)


@cache
def target_of(space: str) -> Target:
    """Find what a right answer for a space of `topovae generate`, or for an instrument, says.

    Raises:
        UsageError: there is no such space.
    """
    from topovae.benchmarks.instruments import INSTRUMENTS
    from topovae.data.synthetic.spaces import find_space
    from topovae.homology.spaces.catalogue import known

    instrument = INSTRUMENTS.get(space)
    entry = instrument or find_space(space)
    if entry.space is None:
        return Target(("none", *(instrument.fair if instrument else ())), max(1, len(entry.parts)), entry.parts)
    expected = known(entry.space)
    return Target((expected.name, expected.latent, *expected.alike))


@dataclass(frozen=True, order=True)
class DiagnosisTask:
    """One diagnosis: n samples of a space under noise in `ambient` dimensions (None: the space's own); or of an instrument."""

    space: str
    noise: float
    seed: int
    n: int
    ambient: int | None

    def same(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is the result of this task."""
        return all(row.get(key) == value for key, value in asdict(self).items())


def make_tasks(
    spaces: Sequence[str],
    noise: Sequence[float],
    seeds: Sequence[int],
    n: int = DEFAULT_N,
    ambient: int | None = 50,
    sizes: Mapping[str, int] = SIZES,
) -> list[DiagnosisTask]:
    """List the diagnoses of a benchmark, seed by seed, so that what is done first says something of every space.

    Args:
        spaces: names, as of `topovae generate`.
        noise: standard deviations in the units of the data.
        seeds: of the data and of the diagnosis.
        n: number of samples.
        ambient: number of features.
        sizes: number of samples of single spaces, instead of n.

    Raises:
        UsageError: a space is not known.
    """
    from topovae.benchmarks.instruments import INSTRUMENTS

    for space in spaces:
        if space in INSTRUMENTS:
            raise UsageError(f"{space} is an instrument, not a space; add --measured")
        target_of(space)
    return [
        DiagnosisTask(space, level, seed, sizes.get(space, n), ambient) for seed in seeds for level in noise for space in spaces
    ]


def make_measured_tasks(
    instruments: Sequence[str], seeds: Sequence[int], sizes: Mapping[str, int] = SIZES
) -> list[DiagnosisTask]:
    """List the diagnoses of what instruments measure, whose noise and features are their own, seed by seed.

    Args:
        instruments: names; none for all.
        seeds: of the data and of the diagnosis.
        sizes: number of samples of single instruments, instead of their usual one.

    Raises:
        UsageError: an instrument is not known.
    """
    from topovae.benchmarks.instruments import INSTRUMENTS

    unknown = [name for name in instruments if name not in INSTRUMENTS]
    if unknown:
        raise UsageError(f"no instrument is called {unknown[0]}; there are {', '.join(INSTRUMENTS)}")
    chosen = [INSTRUMENTS[name] for name in instruments or INSTRUMENTS]
    return [DiagnosisTask(one.name, 0.0, seed, sizes.get(one.name, one.n), None) for seed in seeds for one in chosen]


def rows_of(task: DiagnosisTask) -> Any:
    """Generate the data of a task, as an array."""
    from topovae.benchmarks.instruments import INSTRUMENTS
    from topovae.data.synthetic.spaces import generate

    if task.space in INSTRUMENTS:
        return INSTRUMENTS[task.space].rows(task.seed, task.n)
    return generate(task.space, task.n, ambient=task.ambient, noise=task.noise, seed=task.seed).x


def run_task(task: DiagnosisTask) -> dict[str, Any]:
    """Generate the data of a task and diagnose it.

    Returns:
        The JSON document of the analysis with the fields of the task, `seconds`, `cpu_seconds` and `peak_bytes`
        (greatest resident memory); where the diagnosis failed, `error` instead of the document.
    """
    from topovae.homology import analyze

    forget_peak()
    x = rows_of(task)
    started, used = time.perf_counter(), time.process_time()
    try:
        found = analyze(x, seed=task.seed).to_dict()
    except (TopovaeError, ArithmeticError, ValueError, LookupError, MemoryError) as error:
        found = {"error": f"{type(error).__name__}: {error}"}
    spent = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - used}
    row: dict[str, Any] = _plain({**asdict(task), **spent, "peak_bytes": peak_bytes(), **found})
    return row


def _plain(value: Any) -> Any:
    """A document as it is read back from JSON, so that fresh and saved rows are alike."""
    return json.loads(json.dumps(value, default=lambda array: array.tolist()))


def run(tasks: Sequence[DiagnosisTask], jobs: int = 1) -> Generator[dict[str, Any], None, None]:
    """Work on tasks in separate processes, one thread of linear algebra each, and yield rows as they come.

    When the consumer stops (an interrupt, or the generator is closed), the processes are ended.

    Args:
        tasks: what to do.
        jobs: number of processes.

    Raises:
        ResourceError: a process died, which is what the system does to one that takes too much memory.
    """
    yield from in_processes(run_task, tasks, jobs)


def read_rows(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read rows from a file of JSON lines; none where there is no file. A last line that was cut is left out.

    Raises:
        InputError: the file holds something else.
    """
    try:
        with open(path, encoding="utf-8") as file:
            *whole, cut = file.read().split("\n")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as JSON lines: {error}; choose another --save") from None
    try:
        rows = [json.loads(line) for line in whole if line.strip()]
    except ValueError:
        rows = [None]
    fields = {"space", "noise", "seed", "seconds", "peak_bytes"}
    if not all(isinstance(row, dict) and fields <= row.keys() for row in rows) or not START.startswith(cut[: len(START)]):
        raise InputError(f"{path} holds other things than rows of `topovae bench diagnosis`; choose another --save")
    return rows


@contextlib.contextmanager
def appending(path: str | os.PathLike[str]) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Open a file that `read_rows` accepts, and yield a function that adds a row and brings it to the disk.

    Raises:
        OutputError: the place cannot be written.
    """
    with reporting(path):
        file = open(path, "ab+")  # noqa: SIM115
    with file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)

        def append(row: Mapping[str, Any]) -> None:
            with reporting(path):
                file.write(json.dumps(row).encode() + b"\n")
                file.flush()

        yield append


def finished(tasks: Sequence[DiagnosisTask], rows: Iterable[Mapping[str, Any]]) -> dict[DiagnosisTask, Mapping[str, Any]]:
    """Pair tasks with their rows, the last of each; failed diagnoses count as not done."""
    index = {(row["space"], row["noise"], row["seed"], row.get("n"), row.get("ambient")): row for row in rows}
    found = {task: index.get((task.space, task.noise, task.seed, task.n, task.ambient)) for task in tasks}
    return {task: row for task, row in found.items() if row is not None and "error" not in row}


@dataclass(frozen=True)
class Outcome:
    """A row, judged.

    Attributes:
        answer: the name; for `none` with several components, the names of the parts or their number; `error`.
        named: whether the answer names a space.
        confidence: in [0, 1].
        right: whether the target accepts it.
        seconds: wall-clock time of the diagnosis.
        peak_bytes: greatest resident memory.
    """

    space: str
    noise: float
    seed: int
    answer: str
    latent: str | None
    named: bool
    confidence: float
    right: bool
    seconds: float
    peak_bytes: int

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "confidence": round(self.confidence, 4), "seconds": round(self.seconds, 2)}


def outcome_of(row: Mapping[str, Any]) -> Outcome:
    """Compare a row with the target of its space."""
    place = (row["space"], row["noise"], row["seed"])
    spent = (row["seconds"], row["peak_bytes"])
    if "error" in row:
        return Outcome(*place, "error", None, False, 0.0, False, *spent)
    best = row["recommendation"]
    named = best["name"] != "none"
    right = target_of(row["space"]).accepts(row)
    return Outcome(*place, _answer(row), best["latent"], named, float(best["confidence"]), right, *spent)


def _answer(row: Mapping[str, Any]) -> str:
    name = str(row["recommendation"]["name"])
    if name != "none" or row["components"] == 1:
        return name
    parts = [part["recommendation"]["name"] for part in row.get("parts") or ()]
    return " + ".join(parts) if parts else f"none, {row['components']} parts"


@dataclass(frozen=True)
class Share(Document):
    """How many of the questions asked were answered rightly."""

    keys: ClassVar = ("right", "asked", "share")

    right: int
    asked: int

    @property
    def share(self) -> float | None:
        return self.right / self.asked if self.asked else None

    def __str__(self) -> str:
        return f"{self.right} of {self.asked}"


@dataclass(frozen=True)
class Bin:
    """One row of the reliability table: answers with a confidence in [low, high), the last bin with 1."""

    low: float
    high: float
    mean_confidence: float
    rate: Share

    def to_dict(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high, "mean_confidence": self.mean_confidence, **self.rate.to_dict()}


@dataclass(frozen=True)
class Scorecard:
    """What a benchmark found.

    Attributes:
        confusion: for each space how often each answer was given, all noise levels together.
        by_space: for each space the rate at each noise level.
        by_noise: the rate at each noise level, without the spaces that stand apart.
        total: the rate, without the spaces that stand apart.
        apart: the rates of the spaces that stand apart, at each noise level.
        confident: the rate among named or `none` answers with a confidence of at least `CONFIDENT`.
        wrong_names: answers that name a wrong space, at any confidence.
        confident_errors: those with a confidence of at least `CONFIDENT`.
        abstained: `none` where a name was right.
        reliability: confidence against the share of right answers; all spaces, those apart too.
        median_seconds, max_seconds: wall-clock time of a diagnosis.
        max_peak_bytes: greatest resident memory of any.
    """

    confusion: Mapping[str, Mapping[str, int]]
    by_space: Mapping[str, Mapping[float, Share]]
    by_noise: Mapping[float, Share]
    total: Share
    apart: Mapping[str, Share]
    confident: Share
    wrong_names: tuple[Outcome, ...]
    confident_errors: tuple[Outcome, ...]
    abstained: tuple[Outcome, ...]
    reliability: tuple[Bin, ...]
    median_seconds: float
    max_seconds: float
    max_peak_bytes: int

    @property
    def answers(self) -> tuple[str, ...]:
        """Every answer that was given, those of the targets first, in the targets' order."""
        given = {answer for counts in self.confusion.values() for answer in counts}
        usual = [target_of(space).names[0] for space in known_spaces()]
        first = [name for name in dict.fromkeys([*usual, "circle + circle", "none"]) if name in given and name != "none"]
        rest = sorted(given - set(first) - {"none", "error"})
        return (*first, *rest, *(name for name in ("none", "error") if name in given))

    def to_dict(self) -> dict[str, Any]:
        return {
            "confusion": {space: dict(counts) for space, counts in self.confusion.items()},
            "by_space": {space: _rates(rates) for space, rates in self.by_space.items()},
            "by_noise": _rates(self.by_noise),
            "total": self.total.to_dict(),
            "apart": _rates(self.apart),
            "confident": self.confident.to_dict(),
            "wrong_names": len(self.wrong_names),
            "confident_errors": len(self.confident_errors),
            "abstained": len(self.abstained),
            "reliability": [row.to_dict() for row in self.reliability],
            "median_seconds": round(self.median_seconds, 2),
            "max_seconds": round(self.max_seconds, 2),
            "max_peak_bytes": self.max_peak_bytes,
        }


def _rates(rates: Mapping[Any, Share]) -> dict[str, Any]:
    return {str(key): rate.to_dict() for key, rate in rates.items()}


def rate_of(outcomes: Iterable[Outcome]) -> Share:
    """Count right answers."""
    right = [outcome.right for outcome in outcomes]
    return Share(sum(right), len(right))


def scorecard_of(outcomes: Sequence[Outcome]) -> Scorecard:
    """Bring outcomes together; counts of errors leave out the spaces that stand apart.

    Raises:
        UsageError: there are none.
    """
    if not outcomes:
        raise UsageError("no diagnosis was finished, so there is nothing to summarise")
    spaces = sorted({o.space for o in outcomes}, key=lambda space: (_place(space), space))
    levels = sorted({o.noise for o in outcomes})
    counted = [o for o in outcomes if o.space not in APART]
    wrong = tuple(o for o in counted if o.named and not o.right)
    return Scorecard(
        confusion={space: dict(Counter(o.answer for o in outcomes if o.space == space)) for space in spaces},
        by_space={
            space: {level: rate_of(o for o in outcomes if (o.space, o.noise) == (space, level)) for level in levels}
            for space in spaces
        },
        by_noise={level: rate_of(o for o in counted if o.noise == level) for level in levels},
        total=rate_of(counted),
        apart={space: rate_of(o for o in outcomes if o.space == space) for space in spaces if space in APART},
        confident=rate_of(o for o in counted if o.confidence >= CONFIDENT),
        wrong_names=wrong,
        confident_errors=tuple(o for o in wrong if o.confidence >= CONFIDENT),
        abstained=tuple(o for o in counted if not o.named and not o.right and o.answer != "error"),
        reliability=reliability(outcomes),
        median_seconds=statistics.median(o.seconds for o in outcomes),
        max_seconds=max(o.seconds for o in outcomes),
        max_peak_bytes=max(o.peak_bytes for o in outcomes),
    )


@dataclass(frozen=True)
class Tally:
    """How the answers for one kind of instruments came out; a diagnosis that failed counts as `none`."""

    kind: str
    asked: int
    right: int
    abstained: int
    wrong: int
    confident_wrong: int
    median_seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "median_seconds": round(self.median_seconds, 2)}

    def cells(self) -> tuple[str, ...]:
        """What stands below `TALLY_HEADS` in a table."""
        counts = (self.asked, self.right, self.abstained, self.wrong, self.confident_wrong)
        return (self.kind, *map(str, counts), f"{self.median_seconds:.1f}")


TALLY_HEADS = ("kind", "asked", "right", "none where a name was right", "wrong name", f"of these ≥ {CONFIDENT:g}", "median s")


def tally(kind: str, outcomes: Sequence[Outcome]) -> Tally:
    """Count right and wrong answers.

    Args:
        kind: what the outcomes have in common.
        outcomes: at least one.
    """
    wrong = [o for o in outcomes if o.named and not o.right]
    right = rate_of(outcomes).right
    confident = sum(o.confidence >= CONFIDENT for o in wrong)
    seconds = statistics.median(o.seconds for o in outcomes)
    return Tally(kind, len(outcomes), right, len(outcomes) - right - len(wrong), len(wrong), confident, seconds)


def by_kind(outcomes: Sequence[Outcome]) -> tuple[Tally, ...]:
    """Count the answers for each kind of instruments, then all together; empty where no instrument was asked about."""
    from topovae.benchmarks.instruments import INSTRUMENTS

    measured = [o for o in outcomes if o.space in INSTRUMENTS]
    kinds = dict.fromkeys(one.kind for one in INSTRUMENTS.values())
    groups = {kind: [o for o in measured if INSTRUMENTS[o.space].kind == kind] for kind in kinds}
    return tuple(tally(kind, group) for kind, group in {**groups, "all": measured}.items() if group)


def _place(space: str) -> int:
    places = known_spaces()
    return places.index(space) if space in places else len(places)


def reliability(outcomes: Sequence[Outcome], edges: Sequence[float] = BINS) -> tuple[Bin, ...]:
    """Tabulate how often answers of each confidence are right; bins without answers are left out.

    Args:
        outcomes: judged answers; errors have no confidence and are left out.
        edges: of the bins, ascending.
    """
    answered = [o for o in outcomes if o.answer != "error"]
    bins = []
    for low, high in itertools.pairwise(edges):
        inside = [o for o in answered if low <= o.confidence and (o.confidence < high or high == edges[-1])]
        if inside:
            bins.append(Bin(low, high, statistics.fmean(o.confidence for o in inside), rate_of(inside)))
    return tuple(bins)


def markdown(summary: Scorecard) -> str:
    """Write a summary as Markdown: the confusion table with rates, then the figures.

    Args:
        summary: of at least one outcome.
    """
    levels = list(summary.by_noise) or sorted({level for rates in summary.by_space.values() for level in rates})
    heads = ["data", *summary.answers, *(f"noise {level:g}" for level in levels)]
    lines = [_line(heads), _line(["---", *["---:"] * (len(heads) - 1)])]
    for space, counts in summary.confusion.items():
        cells = [_cell(space, answer, counts.get(answer, 0)) for answer in summary.answers]
        name = f"{space} (apart)" if space in APART else space
        lines.append(_line([name, *cells, *(_ratio(summary.by_space[space][level]) for level in levels)]))
    totals = [_ratio(summary.by_noise[level]) if level in summary.by_noise else "" for level in levels]
    lines.append(_line(["**right**", *[""] * len(summary.answers), *totals]))
    lines += ["", *(f"- {words}" for words in figures(summary)), ""]
    lines += [_line(["confidence", "mean", "right", "share"]), _line(["---", "---:", "---:", "---:"])]
    for row in summary.reliability:
        lines.append(_line([interval(row), f"{row.mean_confidence:.3f}", str(row.rate), f"{row.rate.share:.3f}"]))
    return "\n".join(lines) + "\n"


def tally_markdown(tallies: Sequence[Tally]) -> str:
    """Write counts by kind as a Markdown table."""
    lines = [_line(TALLY_HEADS), _line(["---", *["---:"] * (len(TALLY_HEADS) - 1)])]
    return "\n".join([*lines, *(_line(one.cells()) for one in tallies)]) + "\n"


def interval(row: Bin) -> str:
    """The bin's confidences in words."""
    return f"{row.low:g} to {row.high:g}"


def figures(summary: Scorecard) -> tuple[str, ...]:
    """The summary's numbers in words, the total first."""
    shares = f"{len(summary.wrong_names)} wrong names at any confidence, {len(summary.abstained)} wrong abstentions"
    time_words = f"{summary.median_seconds:.1f} s median, {summary.max_seconds:.1f} s at most"
    total = summary.total
    words = [
        f"right: {total}" + (f" ({total.share:.1%})" if total.share is not None else ""),
        f"confident errors (a wrong name with confidence ≥ {CONFIDENT:g}): {_of(len(summary.confident_errors), total.asked)}",
        shares,
        f"answers with confidence ≥ {CONFIDENT:g}: {summary.confident} right"
        + (f" ({summary.confident.share:.1%})" if summary.confident.share is not None else ""),
        *(f"{space} (not in the rate): {rate}" for space, rate in summary.apart.items()),
        f"time: {time_words}; memory: {summary.max_peak_bytes / 2**20:.0f} MiB at most",
    ]
    return tuple(words)


def _of(count: int, asked: int) -> str:
    return f"{count} of {asked}" + (f" ({count / asked:.1%})" if asked else "")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ratio(rate: Share) -> str:
    return f"{rate.right}/{rate.asked}"


def _cell(space: str, answer: str, count: int) -> str:
    if not count:
        return ""
    return f"**{count}**" if answer in expected_answers(space) else str(count)


def expected_answers(space: str) -> tuple[str, ...]:
    """The answers of a confusion table that may be right for a space."""
    target = target_of(space)
    if target.parts:
        return (" + ".join(target.parts), f"none, {target.components} parts")
    return target.names
