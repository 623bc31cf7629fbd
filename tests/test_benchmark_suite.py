"""The benchmark suite: its command, its results and its page; its questions with numbers that prove nothing else."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.__main__ import PUBLISHED, main
from benchmarks.questions.registry import QUESTIONS
from benchmarks.stub import synthetic
from benchmarks.suite.markdown import cell, number, percent, table
from benchmarks.suite.page import page
from benchmarks.suite.plots import draw
from benchmarks.suite.question import Answer, BenchmarkError, Findings, Plot, Point, Question, Size, Target
from benchmarks.suite.results import Entry, read_results, write_results
from benchmarks.suite.spread import Spread, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MACHINE = {"CPU": "abacus", "Python": "3.11.0"}
OWN = ["contenders", "latency", "rate-limit", "memory", "accounts", "start-up", "faults"]


def question(name: str, figure: float = 1.0, *, wrong: str = "", missing: str | None = None) -> Question:
    """One that finds a figure, or a wrong row, or something that is not there."""

    def measure(_: Size, told: Callable[[str], None]) -> Findings:
        told("measuring")
        if wrong:
            raise BenchmarkError(wrong)
        return {"figure": figure}

    def answer(findings: Findings) -> Answer:
        found = findings["figure"]
        return Answer(
            text=f"It is {found:g}.",
            plots=(Plot(name=f"{name}-plot", title="A plot", x_label="x", y_label="y", series=series(found)),),
            targets=(Target(what=f"the {name}", target="under 2", measured=f"{found:g}", met=found < 2),),
        )

    return Question(name=name, title=f"All of {name}", measure=measure, answer=answer, needs=lambda: missing)


def series(y: float = 1.0) -> dict[str, tuple[Point, ...]]:
    """Two points of one contender."""
    return {"s3audit": (Point(1.0, y, y / 2, y * 2), Point(10.0, y, y, y))}


def entry(figure: float, size: Size = Size.FULL, machine: dict[str, str] = MACHINE) -> Entry:
    """What is kept of a question."""
    return Entry(
        size=size, date="2024-01-02 03:04", load=0.1, seconds=5.0, machine=machine, findings={"figure": figure}
    )


def results_of(folder: Path) -> dict[str, Any]:
    """The results file, as JSON."""
    content: dict[str, Any] = json.loads((folder / "results" / "results.json").read_text())
    return content


def numbers(content: object) -> Iterator[float]:
    """Every number in JSON, however deep."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for value in content:
            yield from numbers(value)
    elif isinstance(content, int | float):
        yield content


@pytest.mark.parametrize("name", OWN)
def test_a_question_can_be_measured_and_answered(name: str, tmp_path: Path) -> None:
    """It ends with 0, which it does only if all reports are right, and leaves findings, plots and its section."""
    assert main([name, "--smoke", "--results", str(tmp_path)]) == 0
    (found,) = (each for each in QUESTIONS if each.name == name)
    content = results_of(tmp_path)
    assert list(content) == [name]
    assert content[name]["size"] == "smoke"
    assert all(math.isfinite(value) for value in numbers(content[name]["findings"]))
    text = (tmp_path / "RESULTS.md").read_text()
    answer = found.answer(content[name]["findings"])
    assert answer.text.strip() in text
    assert answer.targets
    for plot in answer.plots:
        assert f"(results/{plot.name}.svg)" in text
        assert (tmp_path / "results" / f"{plot.name}.svg").stat().st_size > 1000


def test_nobody_makes_more_calls_than_the_account_needs(tmp_path: Path) -> None:
    """But for the identity, which s3audit asks for once, for its run state; the run does not wait for it."""
    assert main(["contenders", "--smoke", "--results", str(tmp_path)]) == 0
    findings = results_of(tmp_path)["contenders"]["findings"]
    needed = {"ListBuckets": 1, "GetBucketEncryption": 24, "DescribeKey": len(synthetic(24, 3, 2).lookups())}
    assert findings["needed"] == needed
    assert list(findings["runs"]) == ["original", "threads", "aiobotocore", "s3audit"]
    assert findings["runs"]["original"][0]["buckets"] == 4
    for name in ("aiobotocore", "s3audit"):
        calls = findings["runs"][name][0]["calls"]
        assert calls.pop("GetCallerIdentity", 0) <= (name == "s3audit")
        assert calls == needed


def test_a_question_that_is_measured_anew_replaces_its_result(tmp_path: Path) -> None:
    """The others stay, and the page shows all of them."""
    where = ["--results", str(tmp_path)]
    assert main(where, [question("speed", 1.0), question("size", 1.0)]) == 0
    assert main(["size", *where], [question("speed", 7.0), question("size", 8.0)]) == 0
    content = results_of(tmp_path)
    assert [content[name]["findings"]["figure"] for name in ("speed", "size")] == [1.0, 8.0]
    text = (tmp_path / "RESULTS.md").read_text()
    assert "It is 1." in text
    assert "It is 8." in text


def test_a_wrong_row_ends_with_1_and_leaves_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says whose it was, and of which bucket; what else can be measured is."""
    questions = [question("speed", wrong="liar: the row of synthetic-0000000 is wrong"), question("size")]
    assert main(["--results", str(tmp_path)], questions) == 1
    assert "The benchmark failed. liar: the row of synthetic-0000000 is wrong" in capsys.readouterr().err
    assert list(results_of(tmp_path)) == ["size"]


def test_a_question_that_cannot_be_measured_here_is_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what is missing, and that is no failure."""
    assert main(["--results", str(tmp_path)], [question("speed", missing="no abacus"), question("size")]) == 0
    assert "speed: skipped, no abacus" in capsys.readouterr().err
    assert list(results_of(tmp_path)) == ["size"]


def test_the_page_can_be_made_anew_without_measuring(tmp_path: Path) -> None:
    """From the results file alone."""
    write_results(tmp_path / "results" / "results.json", {"speed": entry(1.5)})
    assert main(["--page-only", "--results", str(tmp_path)], [question("speed", wrong="measured")]) == 0
    assert "It is 1.5." in (tmp_path / "RESULTS.md").read_text()
    assert (tmp_path / "results" / "speed-plot.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["height"], "there is no question height"),
        (["--smoke", "--results", str(PUBLISHED)], "a smoke run is not published"),
        (["--results", "nowhere"], "nowhere is no directory"),
        (["--page-only"], "to build a page from"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With 2, before anything is measured."""
    monkeypatch.chdir(tmp_path)
    if arguments == ["--page-only"]:
        arguments += ["--results", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        main(arguments, [question("speed")])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_page_says_which_targets_were_met() -> None:
    """And which were missed; a smoke run says nothing of them, nor does what was not measured."""
    questions = [question("speed"), question("size"), question("cost"), question("age")]
    text = page(questions, {"size": entry(3.0), "speed": entry(1.0), "cost": entry(1.0, Size.SMOKE)})
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| the ")}
    assert lines["the speed"].rstrip(" |").endswith("met")
    assert lines["the size"].rstrip(" |").endswith("**missed**")
    assert lines["the cost"].rstrip(" |").endswith("not known")
    assert text.count("smoke run") == 1
    assert "## All of age\n\nNot measured yet: `python -m benchmarks age` does." in text
    assert text.index("## All of speed") < text.index("## All of size")
    assert "![A plot](results/speed-plot.svg)" in text


def test_the_page_names_each_machine_once_with_what_was_measured_on_it() -> None:
    """As results of two machines can stand side by side."""
    other = {"CPU": "slide rule", "Python": "3.12.0"}
    questions = [question("speed"), question("size"), question("cost")]
    text = page(questions, {"speed": entry(1.0), "size": entry(1.0, machine=other), "cost": entry(1.0)})
    assert text.count("CPU abacus, Python 3.11.0.") == 1
    assert text.index("`speed`") < text.index("`cost`") < text.index("CPU slide rule") < text.index("| `size`")


def test_a_page_without_results_says_so() -> None:
    """Nothing is made up."""
    text = page([question("speed")], {})
    assert "None was measured." in text
    assert "Not measured yet" in text


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    """And nothing but the file is left beside it."""
    path = tmp_path / "made" / "results.json"
    assert read_results(path) == {}
    write_results(path, {"speed": entry(1.0)})
    write_results(path, {"speed": entry(2.0), "size": entry(3.0, Size.SMOKE)})
    assert read_results(path) == {"speed": entry(2.0), "size": entry(3.0, Size.SMOKE)}
    assert [each.name for each in path.parent.iterdir()] == ["results.json"]


def test_figures_are_written_with_their_extremes() -> None:
    """With three digits, and once where all are alike."""
    assert cell(spread([3.0, 1.0, 2.0])) == "2 (1-3)"
    assert cell(Spread(1234.5, 1234.5, 1234.5)) == "1,234"
    assert percent(Spread(0.05, 0.01, 0.2)) == "5.0 % (1.0 to 20.0)"
    assert [number(value) for value in (0.01234, 9.876, 99.4, 12345.6)] == ["0.0123", "9.88", "99.4", "12,346"]
    assert table(["a", "b|c"], [["long one", "2"]]).splitlines() == [
        r"| a        | b\|c |",
        "| -------- | ---- |",
        "| long one | 2    |",
    ]


def test_a_ratio_is_of_one_round() -> None:
    """A slow round of both leaves it as it is."""
    assert ratios([1.0, 10.0], [2.0, 20.0]) == Spread(0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    "plot",
    [
        Plot(name="a", title="T", x_label="x", y_label="y", series={**series(), "ideal": series()["s3audit"]}),
        Plot(name="a", title="T", x_label="x", y_label="y", series=series(), log_x=True, log_y=True),
        Plot(
            name="a",
            title="T",
            x_label="x",
            y_label="y",
            series={"s3audit": (Point("one", 1.0, 1.0, 2.0),), "other": (Point("two", 3.0, 2.0, 3.0),)},
        ),
    ],
    ids=["lines", "logarithms", "bars"],
)
def test_the_same_points_make_the_same_plot(plot: Plot, tmp_path: Path) -> None:
    """To the byte, so that a commit shows what has changed; text stays text."""
    drawn = []
    for name in ("one", "two"):
        draw(plot, tmp_path / name)
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0] == drawn[1]
    assert b">T</text>" in drawn[0]
    assert b"<dc:date>" not in drawn[0]
