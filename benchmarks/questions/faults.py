"""Whether every row is right where a fifth of the calls fail and the run is killed on its way, and what that costs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from benchmarks.soak.course import BASELINE, FAULT_KINDS, Course, Part, run_soak
from benchmarks.suite.markdown import few, number, table
from benchmarks.suite.question import Answer, Findings, Question, Size, Target

if TYPE_CHECKING:
    from collections.abc import Callable

_COURSES = {
    # So slow that the report grows slowly enough to be killed on its way.
    Size.SMOKE: Course(buckets=400, baseline_buckets=40, keys=8, latency_ms=150.0, kill_at=(0.3,), dead=False),
    Size.FULL: Course(buckets=10_000, baseline_buckets=10_000, dead=False),
}


def _measure(size: Size, told: Callable[[str], None]) -> Findings:
    course = _COURSES[size]
    return {"course": asdict(course), "parts": [asdict(part) for part in run_soak(course, told=told)]}


def _answer(findings: Findings) -> Answer:
    course = Course(**{**findings["course"], "kill_at": tuple(findings["course"]["kill_at"])})
    parts = [Part(**part) for part in findings["parts"]]
    _, *failing = parts
    met = {kind: sum(part.faults[kind] for part in failing) for kind in FAULT_KINDS}
    calls = sum(sum(part.calls.values()) for part in failing)
    kinds = [kind for kind, count in met.items() if count]
    return Answer(
        text="\n\n".join(
            [
                _INTRODUCTION.format(course=course, share=course.fault_share),
                table(
                    ["part", "ended", "seconds", "kept", "answered", "rows/s", "calls", "retries", *kinds, "peak MiB"],
                    [_row(part, kinds) for part in parts],
                ),
                _READING,
            ]
        ),
        targets=(
            Target(
                what=f"{course.fault_share:.0%} of calls failing (SlowDown, 500, reset, truncated body), and kill -9",
                target="every row right, each bucket once",
                measured=f"{course.buckets:,} rows right, each bucket once; {sum(met.values()):,} of {calls:,} calls "
                f"failed, killed {len(course.kill_at)} times{few(1)}",
                met=True,  # anything else is no finding, but a failure of the benchmark
            ),
        ),
    )


_INTRODUCTION = f"""\
{{course.buckets:,}} buckets in {{course.regions}} regions with {{course.latency_ms:g}} ms latency. {{share:.0%}} of
the calls fail, up to {{course.spare_after}} times each, one way or another; the run is killed with SIGKILL on its
way, and `--resume` goes on. After each part every row is right, no bucket has two, none that was there is lost, and
no bucket that had an answer is asked about again. `{BASELINE}` is a run over {{course.baseline_buckets:,}} buckets
of which no call fails."""
_READING = """\
**kept** had an answer before the part, **answered** got one in it. **retries** are calls for a bucket or a key
beyond the first. Throttles fall at random here, however slowly they are asked for, and a service that throttles is
paced: **rows/s** is the pace of regions that throttle on, and no measure of the program. `python -m benchmarks.soak`
does the same with 100,000 buckets and a dead region."""


def _row(part: Part, kinds: list[str]) -> list[str]:
    return [
        part.name,
        str(part.ended),
        number(part.wall_seconds),
        *(f"{count:,}" for count in (part.kept, part.answered)),
        number(part.rows_per_second),
        *(f"{count:,}" for count in (sum(part.calls.values()), part.retries, *(part.faults[kind] for kind in kinds))),
        f"{part.peak_rss_bytes / 1024**2:.0f}",
    ]


QUESTION = Question(name="faults", title="Where calls fail and the run is killed", measure=_measure, answer=_answer)
