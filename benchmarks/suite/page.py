"""The page that shows what was measured, built from the results file. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.suite.markdown import table
from benchmarks.suite.question import Size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.suite.question import Answer, Plot, Question, Target
    from benchmarks.suite.results import Entry

PLOTS = "results"
"""The folder of the plots, as seen from the page."""

_INTRODUCTION = """\
# Results

Written by `python -m benchmarks` from [results/results.json](results/results.json), which holds each single run too;
[README.md](README.md) says how it is measured, and what takes part.

**The ratios are the result.** They compare programs that took turns on the same machine, within the same minutes.
Where there were rounds, each is taken within a round, and shown as the median of the rounds with the extremes:
`0.50 (0.45-0.55)` is half of the baseline's. Extremes on both sides of 1 say that nothing was found. A number without
extremes comes from a single run, unless all runs came to the same: how far another run would be from it is not known.
A target that rests on fewer than three runs says how many there were. Absolute figures are this machine's on this
day. Every report was held against the account, row by row: a program that reported wrongly has no figures. The
server is a stub on the loopback interface, with a latency that is pinned; where it differs from AWS is said beside
the figures.

In plots a line is the median, the band around it (or the bar's whisker) reaches from the least to the most."""
_MET = {True: "met", False: "**missed**", None: "not known"}


def page(questions: Sequence[Question], entries: Mapping[str, Entry]) -> str:
    """Build the page. Questions stand in their own order; one that was not measured says so."""
    answers = answered(questions, entries)
    targets = [target for answer in answers.values() for target in answer.targets]
    parts = [_INTRODUCTION, "## Targets", target_table(targets), "## Measured on", *_machines(questions, entries)]
    for question in questions:
        parts.append(f"## {question.title}")
        if question.name in answers:
            parts.extend(_section(entries[question.name], answers[question.name]))
        else:
            parts.append(f"Not measured yet: `python -m benchmarks {question.name}` does.")
    return "\n\n".join(parts) + "\n"


def answered(questions: Sequence[Question], entries: Mapping[str, Entry]) -> dict[str, Answer]:
    """Ask each question that was measured for its answer, by its name. A smoke run meets no target, and misses none."""
    answers = {each.name: each.answer(entries[each.name].findings) for each in questions if each.name in entries}
    return {
        name: replace(answer, targets=tuple(replace(target, met=None) for target in answer.targets))
        if entries[name].size is Size.SMOKE
        else answer
        for name, answer in answers.items()
    }


def plots(questions: Sequence[Question], entries: Mapping[str, Entry]) -> list[Plot]:
    """Name all plots that the page shows."""
    return [plot for answer in answered(questions, entries).values() for plot in answer.plots]


def target_table(targets: Sequence[Target]) -> str:
    """Lay out which targets were met."""
    if not targets:
        return "None was measured."
    return table(
        ["what", "target", "measured", ""],
        [[target.what, target.target, target.measured, _MET[target.met]] for target in targets],
    )


def _machines(questions: Sequence[Question], entries: Mapping[str, Entry]) -> Iterator[str]:
    """Describe each machine once, and say what was measured on it."""
    measured = {each.name: entries[each.name] for each in questions if each.name in entries}
    machines: list[Mapping[str, str]] = []
    for entry in measured.values():
        if entry.machine not in machines:
            machines.append(entry.machine)
    for machine in machines:
        yield ", ".join(f"{name} {value}" for name, value in machine.items()) + "."
        yield table(
            ["question", "measured at (UTC)", "took", "load before"],
            [
                [f"`{name}`", entry.date, f"{entry.seconds:.0f} s", f"{entry.load:.2f}"]
                for name, entry in measured.items()
                if entry.machine == machine
            ],
        )
    if not machines:
        yield "Nothing was measured."


def _section(entry: Entry, answer: Answer) -> Iterator[str]:
    if entry.size is Size.SMOKE:
        yield "**This was a smoke run: its figures prove nothing but that it works.**"
    yield answer.text.strip()
    for plot in answer.plots:
        yield f"![{plot.title}]({PLOTS}/{plot.name}.svg)"
