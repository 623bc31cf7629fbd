"""When a service is left alone, and when it is tried again: the breaker on its own, told the time."""

from __future__ import annotations

import pytest

from s3audit_async.breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, SILENCE, SILENCE_OF_THE_KNOWN, Breaker
from s3audit_async.errors import TransportCode

CODE = TransportCode.UNREACHABLE
CONNECTING = 5.0


def fail(breaker: Breaker, *spans: tuple[float, float]) -> list[bool]:
    """Requests that came to nothing, sent and given up at these times; whether each of them opened the breaker."""
    opened = []
    for started, ended in spans:
        breaker.sent(started)
        opened.append(breaker.unanswered(started, ended, CODE))
    return opened


def opened_at(now: float) -> Breaker:
    """A breaker that opens now."""
    breaker = Breaker()
    assert fail(breaker, *[(now - SILENCE, now)] * FAILURES)[-1]
    return breaker


def test_a_new_breaker_lets_everybody_pass() -> None:
    assert not Breaker().is_open(0.0)


def test_it_opens_with_the_failure_that_makes_them_enough() -> None:
    breaker = Breaker()
    opened = fail(breaker, *[(0.0, SILENCE)] * FAILURES)
    assert opened == [False] * (FAILURES - 1) + [True]
    assert breaker.is_open(SILENCE)
    assert breaker.reason == CODE


def test_few_failures_do_not_open_it_however_long_they_take() -> None:
    breaker = Breaker()
    assert not any(fail(breaker, *[(100.0 * n, 100.0 * n + 99) for n in range(FAILURES - 1)]))
    assert not breaker.is_open(1000.0)


def test_many_failures_at_once_do_not_open_it_before_the_silence_has_lasted() -> None:
    breaker = Breaker()
    assert not any(fail(breaker, *[(0.0, SILENCE - 0.1)] * 100))
    assert fail(breaker, (1.0, SILENCE)) == [True]


def test_the_silence_begins_with_the_first_request_that_was_not_answered() -> None:
    """However the requests overlap, and in whatever order they are given up."""
    breaker = Breaker()
    spans = [(3.0, 9.0), (2.0, 9.5), (1.0, 9.6), (4.0, 9.7), (5.0, 11.0)]
    assert fail(breaker, *spans) == [False] * 4 + [True]


def test_an_answer_begins_everything_anew() -> None:
    breaker = Breaker()
    fail(breaker, *[(0.0, 9.0)] * (FAILURES - 1))
    assert not breaker.answered(9.5)
    # Sent before the answer, given up after it: the silence lasts since the answer.
    assert not any(fail(breaker, *[(0.0, 9.5 + SILENCE_OF_THE_KNOWN - 0.1)] * FAILURES))
    assert fail(breaker, (0.0, 9.5 + SILENCE_OF_THE_KNOWN)) == [True]


def test_an_answer_takes_back_every_failure_before_it() -> None:
    breaker = Breaker()
    fail(breaker, *[(0.0, 9.0)] * (FAILURES - 1))
    breaker.answered(9.5)
    assert not any(fail(breaker, *[(10.0, 1000.0)] * (FAILURES - 1)))


@pytest.mark.parametrize("known", [False, True])
def test_a_time_in_which_nothing_was_asked_is_no_silence(known: bool) -> None:
    breaker = Breaker()
    if known:
        fail(breaker, (0.0, 1.0))
        breaker.answered(2.0)
    assert not any(fail(breaker, *[(1000.0, 1001.0)] * FAILURES))


def test_a_service_that_has_answered_before_is_given_up_later_than_one_that_never_did() -> None:
    never, before = Breaker(), Breaker()
    before.answered(0.0)
    spans = [(0.0, SILENCE)] * FAILURES
    assert (fail(never, *spans)[-1], fail(before, *spans)[-1]) == (True, False)
    assert fail(before, (SILENCE, SILENCE_OF_THE_KNOWN)) == [True]


def test_it_is_opened_once() -> None:
    """Those that were sent before and come to nothing later are no news."""
    breaker = opened_at(100.0)
    assert not any(fail(breaker, *[(95.0, 101.0)] * 50))


def test_what_was_sent_before_it_opened_puts_no_probe_off() -> None:
    breaker = opened_at(100.0)
    for ended in (101.0, 105.0, 114.0):
        breaker.unanswered(99.0, ended, CODE)
    assert not breaker.is_open(100.0 + FIRST_PAUSE)


def test_after_a_pause_one_probe_is_let_through() -> None:
    breaker = opened_at(100.0)
    probe = 100.0 + FIRST_PAUSE
    assert breaker.is_open(probe - 0.1)
    assert not breaker.is_open(probe)
    breaker.sent(probe)
    assert breaker.is_open(probe)


def test_the_pauses_double_while_probes_fail_up_to_the_longest() -> None:
    breaker = opened_at(100.0)
    now, pauses = 100.0, []
    for _ in range(6):
        pause = next(n for n in range(1000) if not breaker.is_open(now + n))
        pauses.append(pause)
        assert fail(breaker, (now + pause, now + pause + CONNECTING)) == [False]
        now += pause + CONNECTING
    assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, *[LONGEST_PAUSE] * 3]


def test_a_probe_that_is_cancelled_is_made_up_for_a_pause_later() -> None:
    """It never told how it ended; the service must not be left alone for good."""
    breaker = opened_at(100.0)
    breaker.sent(100.0 + FIRST_PAUSE)
    assert breaker.is_open(100.0 + 2 * FIRST_PAUSE - 0.1)
    assert not breaker.is_open(100.0 + 2 * FIRST_PAUSE)


def test_an_answer_closes_it_and_is_news_once() -> None:
    """Be it a probe's, or that of a request that was out already."""
    breaker = opened_at(100.0)
    assert breaker.answered(101.0)
    assert not breaker.is_open(101.0)
    assert not breaker.answered(102.0)
    assert not any(fail(breaker, *[(102.0, 103.0)] * FAILURES))
    assert fail(breaker, (102.0, 102.0 + SILENCE_OF_THE_KNOWN)) == [True]
    assert breaker.is_open(102.0 + SILENCE_OF_THE_KNOWN)
