"""The targets of the benchmark suite: findings made by hand, just within each bound and just beyond it.

`faults` is not here: what misses its target is no finding, but a failure of the benchmark.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.contenders.course import CONTENDERS, Course
from benchmarks.questions import accounts, contenders, latency, memory, moto, rate_limit, start_up, tls
from benchmarks.questions.registry import QUESTIONS

if TYPE_CHECKING:
    from benchmarks.suite.question import Question, Target

JUDGED = [each.QUESTION for each in (accounts, contenders, latency, memory, moto, rate_limit, start_up, tls)]
OTHERS = {"faults", "parts", "peers"}
NEEDED = {"ListBuckets": 1, "GetBucketEncryption": 100, "DescribeKey": 5}
MIB = 1024**2


def run(**changes: Any) -> dict[str, Any]:
    """One run over 100 buckets in 10 s, which used the CPU for 1 s."""
    measure = {
        "buckets": 100,
        "wall_seconds": 10.0,
        "cpu_seconds": 1.0,
        "process_cpu_seconds": 1.5,
        "calls": NEEDED,
        "connections": 4,
        "peak_in_flight": 16,
        "stub_cpu_seconds": 2.5,
        "throttled": 0,
        "asking_seconds": 10.0,
    }
    return {**measure, **changes}


def targets(question: Question, findings: dict[str, Any]) -> tuple[Target, ...]:
    """What is said of findings that were in the results file."""
    return question.answer(json.loads(json.dumps(findings))).targets


def by_contender(*own: dict[str, Any]) -> dict[str, Any]:
    """Findings of `contenders` and of `moto`, with the runs of s3audit."""
    runs: dict[str, list[dict[str, Any]]] = {contender.name: [run()] * len(own) for contender in CONTENDERS}
    return {"course": asdict(Course(buckets=100)), "needed": NEEDED, "runs": {**runs, "s3audit": list(own)}}


def by_latency(*own: dict[str, Any]) -> dict[str, Any]:
    """Findings of `latency`, with one of its long runs for each of these: ideally 10 s at 100 ms."""
    course = asdict(Course(buckets=1600, latency_ms=100.0, concurrency=16))
    long = [{"course": course, "runs": {"s3audit": [{**run(buckets=1600), **each}]}} for each in own]
    return {"courses": [{"course": course, "runs": {"aiobotocore": [run()], "s3audit": [run()]}}], "long": long}


def by_rate(*own: dict[str, Any], rates: tuple[float, ...] = (100.0,), free: float = 1000.0) -> dict[str, Any]:
    """Findings of `rate-limit`: s3audit's runs at each rate, and its buckets a second without a limit."""
    names = [contender.name for contender in rate_limit.CONTENDERS]

    def measured(rate: float | None, *runs: dict[str, Any]) -> dict[str, Any]:
        course = asdict(Course(buckets=100, s3_rate=rate, burst=10.0))
        return {"course": course, "runs": {**dict.fromkeys(names, [run()] * len(runs)), "s3audit": list(runs)}}

    return {
        "without_limit": measured(None, run(asking_seconds=100 / free)),
        "courses": [measured(rate, *own) for rate in rates],
    }


def paced(buckets: int, throttled: int = 0) -> dict[str, Any]:
    """A run of 10 s at 100 requests a second, which with the burst allow 1,010; it asked 1,000 times."""
    return run(buckets=buckets, throttled=throttled, calls={"GetBucketEncryption": 1000, "DescribeKey": 500})


def by_size(most: float) -> dict[str, Any]:
    """Findings of `memory`: MiB for a million buckets, against 100 for 10,000, while the baseline grows."""
    peaks = [("aiobotocore", 10_000, 100), ("aiobotocore", 30_000, 900), ("s3audit", 10_000, 100)]
    runs = [
        {"contender": name, "buckets": buckets, "peak_rss_bytes": peak * MIB, "wall_seconds": 1.0, "cpu_seconds": 1.0}
        for name, buckets, peak in [*peaks, ("s3audit", 1_000_000, most)]
    ]
    return {"reference": 10_000, "keys": 200, "regions": 8, "runs": runs}


def by_accounts(seconds: float = 5.0, most: float = 110.0, busiest: float = 4.0) -> dict[str, Any]:
    """Findings of `accounts`: seconds of one process, the baseline takes 10; MiB of 1,000 accounts, 100 take 100.

    And seconds of CPU of the busiest of two workers on one large account, beside one of the command; one process takes
    ten.
    """

    def measured(contender: str, wall: float, accounts_: int, peak: float) -> dict[str, Any]:
        return {
            "contender": contender,
            "accounts": accounts_,
            "buckets": accounts_ * 200,
            "wall_seconds": wall,
            "cpu_seconds": 1.0,
            "peak_rss_bytes": peak * MIB,
            "peak_in_flight": 64,
            "peak_connections": 128,
            "server_cpu_seconds": 1.0,
        }

    walls = {accounts.BASELINE: (10.0, 10.0, 10.0), accounts.ONE: (0.1, seconds, 99.0), accounts.TWO: (1.0, 1.0, 1.0)}
    conditions = {"rounds": 3, "accounts": 50, "buckets": 200, "keys": 10, "latency_ms": 20.0, "large": 100_000}

    def large(processes: int, command: float, *workers: float) -> dict[str, Any]:
        cpu = {"command_seconds": command, "worker_seconds": workers, "server_cpu_seconds": 1.0}
        return {"processes": processes, "wall_seconds": 9.0, **cpu}

    return {
        "large": [large(1, 10.0), large(2, 1.0, busiest, 0.1)] * 2,
        "conditions": {**conditions, "concurrency": 64, "regions": 4},
        "runs": [measured(name, wall, 50, 100.0) for name, own in walls.items() for wall in own],
        "memory": [measured(accounts.ONE, 1.0, 100, 100.0), measured(accounts.ONE, 1.0, 1000, most)],
    }


def by_command(shown: float, first: float) -> dict[str, Any]:
    """Findings of `start-up`: the median seconds of `--help`, and until the first row."""
    seconds = {
        start_up.BASELINE: [0.01, 0.01, 0.01],
        start_up.HELP: [0.0, shown, 9.0],
        start_up.FIRST_ROW: [0.0, first, 9.0],
    }
    return {"conditions": {"rounds": 3, "buckets": 3000, "regions": 8, "latency_ms": 20.0}, "seconds": seconds}


def by_connections(*connections: int) -> dict[str, Any]:
    """Findings of `tls`, of an account whose bound is 4 x 2 + 3 + 1 = 12."""

    def rounds(*own: int) -> list[dict[str, Any]]:
        others = {tls.HOSTS: 3, tls.HANDSHAKES: 0, tls.OPEN: 4, "cpu_ms_per_bucket": 1.0, "wall_ms_per_bucket": 1.0}
        return [{"figures": {**others, tls.CONNECTIONS: count}} for count in own]

    return {
        "course": asdict(Course(buckets=24, keys=3, regions=2, concurrency=4)),
        "baseline": tls.VIRTUAL.name,
        "rounds": {
            **{each.name: rounds(*[99] * len(connections)) for each in tls.CONTENDERS},
            "s3audit": rounds(*connections),
        },
    }


def test_every_question_with_a_target_is_judged_here() -> None:
    """A new one has to be."""
    assert {question.name for question in JUDGED} | OTHERS == {question.name for question in QUESTIONS}


@pytest.mark.parametrize(
    ("calls", "met"),
    [
        (NEEDED, True),
        ({**NEEDED, "GetCallerIdentity": 1}, True),
        ({**NEEDED, "GetBucketEncryption": 101}, False),
        ({**NEEDED, "GetBucketEncryption": 101, "DescribeKey": 4}, False),
        ({**NEEDED, "HeadBucket": 1}, False),
    ],
    ids=["needed", "identity", "one-more", "one-more-for-one-less", "another"],
)
def test_one_call_too_many_misses_the_target(calls: dict[str, int], met: bool) -> None:
    """In any round; the identity is told apart."""
    judged, _ = targets(contenders.QUESTION, by_contender(run(), run(calls=calls), run()))
    assert judged.met is met


@pytest.mark.parametrize(("seconds", "met"), [(0.399, True), (0.401, False)])
def test_the_cpu_is_less_than_four_tenths_of_the_baselines(seconds: float, met: bool) -> None:
    """By the median round."""
    own = [run(cpu_seconds=each) for each in (0.1, seconds, 9.0)]
    _, judged = targets(contenders.QUESTION, by_contender(*own))
    assert judged.met is met


@pytest.mark.parametrize(("seconds", "met"), [(0.99, True), (1.01, False)])
def test_on_moto_it_is_ten_times_as_fast_as_one_call_at_a_time(seconds: float, met: bool) -> None:
    """By the median round."""
    own = [run(wall_seconds=each) for each in (0.1, seconds, 9.0)]
    (judged,) = targets(moto.QUESTION, by_contender(*own))
    assert judged.met is met


@pytest.mark.parametrize(
    ("runs", "met"),
    [
        ([{"wall_seconds": 10.99}], True),
        ([{"wall_seconds": 11.01}], False),
        ([{"wall_seconds": 10.5}, {"wall_seconds": 11.01}], False),
        ([{"wall_seconds": 11.01, "cpu_seconds": 5.5}], False),
        ([{"wall_seconds": 11.01, "cpu_seconds": 5.51}], None),
        ([{"wall_seconds": 10.99}, {"wall_seconds": 20.0, "cpu_seconds": 10.0}], True),
    ],
    ids=["under", "over", "one-over", "over-and-calm", "over-and-busy", "under-beside-busy"],
)
def test_the_overhead_is_less_than_a_tenth_where_the_cpu_allows(runs: list[dict[str, float]], met: bool | None) -> None:
    """The worst of the long runs counts, but for those with half of the CPU or more."""
    (judged,) = targets(latency.QUESTION, by_latency(*runs))
    assert judged.met is met


@pytest.mark.parametrize(
    ("own", "free", "met"),
    [
        (paced(910, 49), 1000.0, True),
        (paced(908, 49), 1000.0, False),
        (paced(910, 50), 1000.0, False),
        (paced(908, 50), 121.0, False),
        (paced(908, 50), 119.0, None),
    ],
    ids=["within", "used-too-little", "thrown-away-too-much", "fast-enough", "too-slow-to-tell"],
)
def test_nine_tenths_of_a_rate_are_used_and_a_twentieth_is_thrown_away(
    own: dict[str, Any], free: float, met: bool | None
) -> None:
    """At most, and of the requests to S3 alone; a machine that is hardly faster than the rate says nothing of it."""
    (judged,) = targets(rate_limit.QUESTION, by_rate(own, free=free))
    assert judged.met is met


def test_the_worst_rate_is_the_one_that_counts() -> None:
    """At 100 a second the run used nearly all, at 200 it is half of that."""
    (judged,) = targets(rate_limit.QUESTION, by_rate(paced(1000), rates=(100.0, 200.0)))
    assert judged.met is False


@pytest.mark.parametrize(("most", "met"), [(124.0, True), (126.0, False)])
def test_memory_grows_by_less_than_a_quarter(most: float, met: bool) -> None:
    """From the reference to the most buckets of s3audit's own."""
    (judged,) = targets(memory.QUESTION, by_size(most))
    assert judged.met is met


@pytest.mark.parametrize(
    ("seconds", "most", "busiest", "met"),
    [
        (9.9, 124.0, 4.8, [True, True, True]),
        (10.1, 124.0, 4.8, [False, True, True]),
        (9.9, 126.0, 4.8, [True, False, True]),
        (9.9, 124.0, 4.9, [True, True, False]),
    ],
)
def test_accounts_side_by_side_take_less_time_and_hardly_more_memory(
    seconds: float, most: float, busiest: float, met: list[bool]
) -> None:
    """Less than one after the other, by the median round; a thousand by less than a quarter more than a hundred.

    And two processes take one large account at least 1.7 times as fast.
    """
    assert [judged.met for judged in targets(accounts.QUESTION, by_accounts(seconds, most, busiest))] == met


@pytest.mark.parametrize(
    ("shown", "first", "met"),
    [(0.199, 0.99, [True, True]), (0.201, 0.99, [False, True]), (0.199, 1.01, [True, False])],
)
def test_help_takes_a_fifth_of_a_second_and_the_first_row_one(shown: float, first: float, met: list[bool]) -> None:
    """By the median round."""
    assert [judged.met for judged in targets(start_up.QUESTION, by_command(shown, first))] == met


@pytest.mark.parametrize(("connections", "met"), [([12, 12, 12], True), ([12, 13, 12], False)])
def test_one_connection_too_many_misses_the_target(connections: list[int], met: bool) -> None:
    """In any round."""
    (judged,) = targets(tls.QUESTION, by_connections(*connections))
    assert judged.met is met


def test_runs_that_the_cpu_decided_are_named() -> None:
    """So that nobody takes what was judged for all that was measured."""
    (judged,) = targets(latency.QUESTION, by_latency({}, {"cpu_seconds": 5.5}))
    assert "at 100 ms" in judged.what
    said, left_out = judged.measured.split("; ")
    assert said.startswith("0.0 % with 16 in flight")
    assert left_out == "not judged: 16 in flight at 100 ms, where the CPU took 55% of the time"
    (unknown,) = targets(latency.QUESTION, by_latency({"cpu_seconds": 5.5}))
    assert unknown.measured == left_out


def test_rates_that_the_machine_cannot_reach_are_named() -> None:
    """With what it does where nobody throttles it."""
    (judged,) = targets(rate_limit.QUESTION, by_rate(paced(1000), rates=(100.0, 800.0), free=850.0))
    said, left_out = judged.measured.split("; ")
    assert said.endswith("at 100/s (1 run)")
    assert left_out == "not judged: 800/s (this machine does 850/s without a limit)"
    (unknown,) = targets(rate_limit.QUESTION, by_rate(paced(1000), rates=(800.0,), free=850.0))
    assert unknown.measured == left_out


@pytest.mark.parametrize(
    ("question", "findings", "said"),
    [
        (memory.QUESTION, by_size(110.0), "(1 run)"),
        (rate_limit.QUESTION, by_rate(paced(1000)), "(1 run)"),
        (rate_limit.QUESTION, by_rate(*[paced(1000)] * 2), "(2 runs)"),
        (latency.QUESTION, by_latency({}), "(1 run)"),
        (moto.QUESTION, by_contender(run(), run()), "(2 runs)"),
        (tls.QUESTION, by_connections(12), "(1 run)"),
    ],
)
def test_a_target_that_rests_on_few_runs_says_so(question: Question, findings: dict[str, Any], said: str) -> None:
    """As there is no median of one."""
    assert all(judged.measured.endswith(said) for judged in targets(question, findings))


def test_three_runs_are_a_matter_of_course() -> None:
    """Their median stands without a remark."""
    enough = [
        *targets(contenders.QUESTION, by_contender(run(), run(), run())),
        *targets(start_up.QUESTION, by_command(0.1, 0.5)),
    ]
    assert not [judged.measured for judged in enough if "run" in judged.measured]


@pytest.mark.parametrize(
    ("question", "findings", "share"),
    [
        (contenders.QUESTION, by_contender(run(), run(stub_cpu_seconds=9.0), run()), "0.25 (0.25-0.9)"),
        (moto.QUESTION, by_contender(run(), run(stub_cpu_seconds=9.0), run()), "0.25 (0.25-0.9)"),
        (latency.QUESTION, by_latency({}), "25%"),
    ],
    ids=["contenders", "moto", "latency"],
)
def test_the_servers_share_of_the_time_is_shown(question: Question, findings: dict[str, Any], share: str) -> None:
    """As it may be the server that was measured."""
    assert f"| {share} " in question.answer(findings).text
