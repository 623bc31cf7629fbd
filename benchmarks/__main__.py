"""`python -m benchmarks`: measure the questions of the suite, and write the page that shows what came out."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.questions.registry import QUESTIONS
from benchmarks.suite import page
from benchmarks.suite.machine import machine
from benchmarks.suite.question import BenchmarkError, Size
from benchmarks.suite.results import Entry, read_results, write_results

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.suite.question import Question

PUBLISHED = Path(__file__).parent
"""Where the page and the results stand that the repository shows."""
_PAGE = "RESULTS.md"


def main(arguments: Sequence[str] | None = None, questions: Sequence[Question] = QUESTIONS) -> int:
    """Measure, and show it. Gives the exit code: 1 if a contender failed or reported wrongly.

    Such a question leaves no result, but the others are measured all the same. Each is saved as soon as it is over.
    """
    parser = _parser(questions)
    options = parser.parse_args(arguments)
    unknown = set(options.questions) - {question.name for question in questions}
    if unknown:  # argparse's choices refuse an empty list of them before Python 3.12
        parser.error(f"there is no question {', '.join(sorted(unknown))}")
    folder: Path = options.results or (Path(tempfile.mkdtemp(prefix="s3audit-bench-")) if options.smoke else PUBLISHED)
    if options.smoke and folder.resolve() == PUBLISHED.resolve():
        parser.error("a smoke run is not published: name another directory with --results")
    file = folder / page.PLOTS / "results.json"
    if options.page_only and not file.exists():
        parser.error(f"there is no {file} to build a page from")
    entries = read_results(file)
    failed: list[BenchmarkError] = []
    if not options.page_only:
        chosen = [each for each in questions if not options.questions or each.name in options.questions]
        failed = _measure(chosen, Size.SMOKE if options.smoke else Size.FULL, entries, file)
    if entries:
        show(questions, entries, folder)
    for error in failed:
        print(f"The benchmark failed. {error}", file=sys.stderr)
    return 1 if failed else 0


def _measure(questions: Sequence[Question], size: Size, entries: dict[str, Entry], file: Path) -> list[BenchmarkError]:
    """Measure one question after the other into `entries` and the file. Gives what failed."""
    failed = []
    for question in questions:
        needed = question.needs()
        if needed is not None:
            tell(f"{question.name}: skipped, {needed}")
            continue
        tell(f"{question.name}: {question.title}")
        load, date, started = os.getloadavg()[0], datetime.now(UTC), time.monotonic()
        try:
            findings = question.measure(size, tell)
        except BenchmarkError as error:
            tell(f"{question.name}: failed")
            failed.append(error)
            continue
        entries[question.name] = Entry(
            size=size,
            date=f"{date:%Y-%m-%d %H:%M}",
            load=round(load, 2),
            seconds=round(time.monotonic() - started, 1),
            machine=machine(),
            findings=findings,
        )
        write_results(file, entries)
    return failed


def show(questions: Sequence[Question], entries: Mapping[str, Entry], folder: Path) -> None:
    """Write the page and its plots into a folder, and print which targets were met."""
    from benchmarks.suite.plots import draw_all  # noqa: PLC0415 - after measuring: what is imported takes memory

    draw_all(page.plots(questions, entries), folder / page.PLOTS)
    (folder / _PAGE).write_text(page.page(questions, entries), encoding="utf-8")
    answers = page.answered(questions, entries).values()
    print(page.target_table([target for answer in answers for target in answer.targets]))
    print(f"\nEverything is in {folder / _PAGE}.")


def tell(line: str) -> None:
    """Say how far it has come, on stderr."""
    print(line, file=sys.stderr, flush=True)


def _parser(questions: Sequence[Question]) -> argparse.ArgumentParser:
    names = [question.name for question in questions]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure s3audit side by side with others, check every row of every report, and write RESULTS.md.",
        epilog="A question that is measured anew replaces its last result; the others stay.",
    )
    parser.add_argument(
        "questions",
        nargs="*",
        metavar="QUESTION",
        help=f"some of {', '.join(names)}; all that can be measured here, if none is named",
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="measure so little that it proves nothing but that all works and every row is right",
    )
    parser.add_argument(
        "--results",
        type=_directory,
        metavar="DIR",
        help="where RESULTS.md and results/ are written; benchmarks/ of this checkout, or a new one in a smoke run",
    )
    parser.add_argument("--page-only", action="store_true", help="build the page and the plots anew, measure nothing")
    return parser


def _directory(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no directory")
    return path


if __name__ == "__main__":
    sys.exit(main())
