"""The pace on its own, told what was sent and how it ended: pure figures, no loop and no clock."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3audit_async.pacing import Pace

ROUND_TRIP = 0.02
SLOWEST = 2.0
"""Requests a second that are always allowed."""


class Talk:
    """A client that sends as told and a service that answers a round trip later; the time is passed on by hand."""

    def __init__(self, round_trip: float = ROUND_TRIP) -> None:
        self.pace = Pace()
        self.now = 0.0
        self.round_trip = round_trip

    @property
    def rate(self) -> float:
        assert self.pace.rate is not None
        return self.pace.rate

    def let_through(self, count: int, *, rate: float, held_back: bool = True) -> None:
        """So many requests, evenly spaced, all of them answered."""
        for _ in range(count):
            self.now += 1.0 / rate
            self.pace.sent(self.now - self.round_trip, held_back=held_back)
            self.pace.let_through(self.now, self.round_trip)

    def lose(self, *, rate: float) -> None:
        """One request that was sent and is not answered; it is known as soon as an answer would have been."""
        self.now += 1.0 / rate
        self.pace.sent(self.now - self.round_trip, held_back=True)
        self.pace.lost(self.now, self.round_trip)

    def throttle(self, in_flight: int = 16) -> None:
        self.pace.throttled(self.now, self.round_trip, in_flight)

    def settled(self, rate: float, requests: int = 100) -> None:
        """Two throttles, between which the service let through so many requests at this rate."""
        self.throttle()
        self.let_through(requests, rate=rate)
        self.throttle()


def test_before_the_first_throttle_nobody_has_to_wait() -> None:
    talk = Talk()
    talk.let_through(1000, rate=5000)
    assert talk.pace.rate is None
    assert talk.pace.delay(talk.now) == 0.0


def test_the_first_throttle_slows_down_to_an_eighth_of_what_was_under_way() -> None:
    """16 in flight, 20 ms each: 800 a second."""
    talk = Talk()
    talk.throttle(in_flight=16)
    assert talk.rate == pytest.approx(100)
    assert talk.pace.delay(talk.now) == pytest.approx(1 / 100)


def test_one_slow_answer_does_not_pass_for_the_round_trip() -> None:
    talk = Talk()
    talk.let_through(100, rate=500)
    talk.pace.throttled(talk.now, 25 * ROUND_TRIP, 16)
    assert 20 < talk.rate < 50


def test_requests_are_spaced_evenly() -> None:
    talk = Talk()
    talk.throttle()
    for _ in range(3):
        talk.now += talk.pace.delay(talk.now)
        talk.pace.sent(talk.now, held_back=True)
        assert talk.pace.delay(talk.now) == pytest.approx(1 / talk.rate)


def test_a_loop_that_is_late_by_a_moment_costs_no_pace_and_one_that_slept_gives_no_burst() -> None:
    talk = Talk()
    talk.throttle()
    due = talk.pace.delay(0.0)
    talk.pace.sent(due + 0.004, held_back=True)
    assert talk.pace.delay(0.0) == pytest.approx(due + 0.01)
    talk.pace.sent(60.0, held_back=False)
    assert talk.pace.delay(60.0) == pytest.approx(0.0, abs=0.011)
    talk.pace.sent(60.0, held_back=False)
    assert talk.pace.delay(60.0) >= 0.009


def test_from_the_first_throttle_the_pace_doubles_each_round_trip_until_the_second() -> None:
    talk = Talk()
    talk.throttle()
    rates = []
    for _ in range(3):
        rates.append(talk.rate)
        talk.let_through(round(talk.rate * ROUND_TRIP), rate=talk.rate)
    assert rates == pytest.approx([100, 200, 400])


def test_answers_to_what_was_sent_before_the_first_throttle_do_not_make_it_faster() -> None:
    talk = Talk()
    talk.throttle()
    before = talk.rate
    for _ in range(15):
        talk.pace.let_through(talk.now, ROUND_TRIP)
    assert talk.rate == before


def test_however_short_the_round_trip_the_pace_does_no_more_than_double_with_an_answer() -> None:
    talk = Talk(round_trip=0.001)
    talk.throttle(in_flight=1)
    before = talk.rate
    talk.let_through(1, rate=before)
    assert talk.rate == pytest.approx(2 * before)


@pytest.mark.parametrize("between", [0, 10])
def test_a_second_throttle_that_comes_too_soon_to_tell_a_rate_halves_the_pace(between: int) -> None:
    talk = Talk()
    talk.throttle()
    talk.let_through(between, rate=100)
    before = talk.rate
    talk.throttle()
    assert talk.rate == pytest.approx(before / 2)


@pytest.mark.parametrize("rate", [5.0, 50.0, 500.0])
@pytest.mark.parametrize("burst", [0, 10_000])
def test_the_servers_rate_is_told_from_what_it_let_through_between_two_throttles(rate: float, burst: int) -> None:
    """And not from the burst before the first one, however large that was."""
    talk = Talk()
    talk.let_through(burst, rate=5000)
    talk.settled(rate)
    assert 0.9 * rate <= talk.rate <= 0.9 * 1.25 * rate


def test_where_the_pace_was_no_higher_the_servers_rate_is_what_it_let_through() -> None:
    talk = Talk()
    talk.throttle(in_flight=1)
    talk.let_through(100, rate=50, held_back=False)
    talk.throttle(in_flight=1)
    assert talk.rate == pytest.approx(0.9 * 50)


def test_a_server_is_measured_by_when_it_was_asked_however_late_its_answer_comes() -> None:
    talk = Talk()
    talk.throttle(in_flight=1)
    talk.let_through(100, rate=50, held_back=False)
    talk.pace.throttled(talk.now + 1.0, 2.0 + ROUND_TRIP, 1)
    assert talk.rate == pytest.approx(0.9 * 50)


@pytest.mark.parametrize("earlier", [0.0, 0.25])
def test_a_throttle_that_seems_no_later_than_the_last_one_measures_nothing(earlier: float) -> None:
    """When a request reached the server is only estimated."""
    talk = Talk(round_trip=0.5)
    talk.throttle()
    emptied = talk.now - 0.25
    talk.let_through(32, rate=0.5, held_back=False)
    before = talk.rate
    talk.pace.throttled(talk.now, 2 * (talk.now - emptied + earlier), 1)
    assert talk.rate == before / 2


def test_what_was_let_through_before_the_bucket_was_empty_is_not_counted() -> None:
    """Answers that were on their way when the throttle was sent."""
    talk = Talk()
    talk.throttle()
    for _ in range(50):
        talk.pace.let_through(talk.now, ROUND_TRIP + 0.001)
    talk.let_through(100, rate=50)
    talk.throttle()
    assert talk.rate <= 0.9 * 1.25 * 50 * 1.02


def test_after_a_throttle_the_pace_comes_back_to_the_estimate_rests_there_and_leaves_it() -> None:
    talk = Talk()
    talk.settled(100)
    lowest = talk.rate
    estimate = lowest / 0.9
    rates = []
    for _ in range(150):
        talk.let_through(1, rate=talk.rate)
        rates.append(talk.rate)
    assert rates == sorted(rates)
    resting = sum(abs(rate / estimate - 1.0) < 0.02 for rate in rates)
    assert resting > 60
    assert rates[60] == pytest.approx(estimate, rel=0.02)
    assert rates[-1] > 1.2 * estimate


def test_the_pace_does_not_grow_while_it_is_not_what_holds_requests_back() -> None:
    """Before there is an estimate, and after."""
    talk = Talk()
    talk.throttle()
    talk.let_through(100, rate=20, held_back=False)
    assert talk.rate == pytest.approx(100)
    talk = Talk()
    talk.settled(100)
    before = talk.rate
    talk.let_through(1000, rate=20, held_back=False)
    assert talk.rate == before


def test_a_server_that_allows_less_than_before_is_followed_with_each_throttle() -> None:
    talk = Talk()
    talk.settled(1000)
    rates = []
    for _ in range(3):
        talk.let_through(60, rate=50)
        talk.throttle()
        rates.append(talk.rate)
    assert rates[-1] < 65


def test_throttles_that_come_however_slow_it_goes_are_not_listened_to_for_a_while() -> None:
    """Four in a row, each soon after the last, are taken to have nothing to do with the pace."""
    talk = Talk()
    talk.settled(100)
    start = talk.rate
    lowest = start
    for _ in range(40):
        talk.let_through(10, rate=talk.rate)
        talk.throttle()
        lowest = min(lowest, talk.rate)
    assert lowest > 0.3 * start
    assert talk.rate > 0.5 * start


def test_after_that_a_throttle_is_listened_to_again() -> None:
    talk = Talk()
    talk.settled(100)
    for _ in range(4):
        talk.let_through(10, rate=talk.rate)
        talk.throttle()
    deaf = talk.rate
    talk.throttle()
    assert talk.rate == deaf
    talk.let_through(300, rate=50)
    talk.throttle()
    assert talk.rate < 0.9 * 1.25 * 50 * 1.02


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_a_throttle_soon_after_another_slows_down_further(rounds: int) -> None:
    talk = Talk()
    talk.settled(100)
    for _ in range(rounds):
        before = talk.rate
        talk.let_through(5, rate=talk.rate)
        talk.throttle()
        assert talk.rate < before


def test_throttles_that_come_only_after_many_requests_are_each_listened_to() -> None:
    talk = Talk()
    talk.settled(100)
    for _ in range(10):
        talk.let_through(60, rate=100)
        before = talk.rate
        talk.throttle()
        assert talk.rate < before
        talk.throttle()
        assert talk.rate < 0.9 * before


def deafened(between: int = 5) -> Talk:
    """A talk in which throttles have just been found to have nothing to do with the pace."""
    talk = Talk()
    talk.settled(100)
    for _ in range(4):
        talk.let_through(between, rate=talk.rate)
        talk.throttle()
    return talk


def listens(talk: Talk) -> bool:
    """Throttle once; tell whether that slowed the pace down."""
    before = talk.rate
    talk.throttle()
    return talk.rate < before


@pytest.mark.parametrize("between", [0, 10, 40])
def test_after_four_throttles_each_sooner_than_the_pace_explains_the_fifth_is_not_listened_to(between: int) -> None:
    assert not listens(deafened(between))


@pytest.mark.parametrize(("let_through", "listened"), [(0, False), (1, False), (150, False), (250, True)])
def test_it_takes_many_requests_until_throttles_are_listened_to_again(let_through: int, listened: bool) -> None:
    talk = deafened()
    talk.let_through(let_through, rate=50, held_back=False)
    assert listens(talk) is listened


@pytest.mark.parametrize(("throttles", "listened"), [(30, False), (45, True)])
def test_the_more_throttles_go_unheard_the_sooner_they_are_listened_to_again(throttles: int, listened: bool) -> None:
    talk = deafened()
    heard = [listens(talk) for _ in range(throttles)]
    assert any(heard) is listened


def test_after_that_it_takes_as_many_throttles_in_a_row_as_before_to_leave_them_unheard() -> None:
    talk = deafened()
    heard = [listens(talk) for _ in range(60)]
    first = heard.index(True)
    assert heard[first : first + 5] == [True, True, True, False, False]


@pytest.mark.parametrize("seed", range(5))
def test_requests_that_come_to_nothing_do_not_wear_the_pace_down(seed: int) -> None:
    """One request in ten is lost and one in 25 throttled, at random: however long that lasts, the pace stays."""
    draw = Random(seed).random
    talk = Talk()
    talk.settled(100)
    rates = []
    for _ in range(20_000):
        drawn = draw()
        if drawn < 0.04:
            talk.throttle()
        elif drawn < 0.14:
            talk.lose(rate=talk.rate)
        else:
            talk.let_through(1, rate=talk.rate)
        rates.append(talk.rate)
    assert min(rates) > 30
    assert fmean(rates[-1000:]) > 100


def test_what_was_lost_before_the_bucket_was_empty_is_not_counted() -> None:
    """Sent before the throttle was, and waited for in vain until after it."""
    talk = Talk()
    talk.throttle()
    for _ in range(50):
        talk.pace.lost(talk.now + 5.0, 5.0 + 2 * ROUND_TRIP)
    talk.let_through(100, rate=50)
    talk.throttle()
    assert talk.rate <= 0.9 * 1.25 * 50 * 1.02


def test_a_lost_request_before_the_first_throttle_says_nothing() -> None:
    talk = Talk()
    talk.lose(rate=50)
    assert talk.pace.rate is None


EVENTS = st.lists(
    st.tuples(st.sampled_from(["sent", "let through", "lost", "throttled"]), st.floats(0, 5), st.floats(0, 40)),
    max_size=300,
)


@given(events=EVENTS)
def test_whatever_happens_the_pace_lies_between_the_slowest_and_what_is_finite(
    events: list[tuple[str, float, float]],
) -> None:
    pace = Pace()
    now = 0.0
    for kind, passed, seconds in events:
        now += passed
        if kind == "sent":
            pace.sent(now, held_back=pace.delay(now) == 0.0)
        elif kind == "let through":
            pace.let_through(now, seconds)
        elif kind == "lost":
            pace.lost(now, seconds)
        else:
            pace.throttled(now, seconds, 16)
        if pace.rate is not None:
            assert SLOWEST <= pace.rate < float("inf")
            assert 0.0 <= pace.delay(now) < float("inf")


def test_a_thousand_throttles_in_a_row_leave_some_pace() -> None:
    talk = Talk()
    for _ in range(1000):
        talk.now += 0.01
        talk.throttle()
    assert talk.rate >= SLOWEST
    assert talk.pace.delay(talk.now) <= 1 / SLOWEST


def test_a_server_that_is_slower_than_the_slowest_pace_is_asked_at_that() -> None:
    talk = Talk()
    talk.settled(0.1)
    assert talk.rate == SLOWEST
