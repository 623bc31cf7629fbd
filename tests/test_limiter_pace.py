"""One gate: how its limit grows and is cut, and that nobody waits for its pace for ever."""

from __future__ import annotations

import math

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.limiter import BACKOFF, START, Slots
from tests import virtual_time
from tests.traffic import (
    LONG,
    Traffic,
    fails,
    settle,
    virtually,
)

# Growth.


@pytest.mark.parametrize(("total", "limit"), [(1, 1), (5, 5), (START, START), (1000, START)])
def test_a_gate_starts_small_and_within_the_total(total: int, limit: int) -> None:
    assert Slots(total).gate().limit == limit


@virtually
async def test_a_gate_that_is_never_throttled_doubles_each_round_trip_up_to_the_total() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(gate, 500)
        in_flight = []
        for _ in range(5):
            in_flight.append(gate.in_flight)
            await traffic.succeed(*traffic.of(gate))
        traffic.end_all()

    assert in_flight == [16, 32, 64, 100, 100]


@virtually
async def test_a_limit_that_holds_nothing_back_does_not_grow() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        for _ in range(50):
            await traffic.succeed(*await traffic.send(gate, START - 1))

    assert gate.limit == START


@virtually
async def test_a_cut_limit_grows_by_one_with_each_answer_while_it_holds_requests_back() -> None:
    """It is the pace that keeps a throttled service from being asked too fast; what is in flight follows from that."""
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(gate, 100)
        first, *others = traffic.of(gate)
        await traffic.throttle(first)
        await traffic.succeed(*others, within=LONG)
        limits = []
        for _ in range(5):
            limits.append(gate.limit)
            await traffic.succeed(traffic.of(gate)[0], within=LONG)
        traffic.end_all()

    first_limit = limits[0]
    assert limits == [first_limit + number for number in range(5)]


@virtually
async def test_an_error_of_the_services_own_is_no_reason_to_ask_it_for_more() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(gate, 50)
        for _ in range(5):
            await traffic.end(fails, *traffic.of(gate))
            await traffic.send(gate, 50)
        traffic.end_all()

    assert (gate.limit, gate.heard) == (START, True)


# The pace.


@virtually
async def test_before_the_first_throttle_there_is_no_pace() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.succeed(*await traffic.send(gate, 10))

    assert gate.rate is None


@virtually
async def test_a_paced_gate_lets_one_after_the_other_in() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(gate))
        assert gate.rate is not None
        gap = 1 / gate.rate
        await traffic.send(gate, 5)
        in_flight = []
        for _ in range(7):
            in_flight.append(gate.in_flight)
            await settle(gap)
        traffic.end_all()

    assert in_flight == [0, 1, 2, 3, 4, 5, 5]


@virtually
async def test_whoever_waits_for_the_pace_is_let_in_however_often_it_is_cut_meanwhile() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(gate), within=LONG)
        before = await traffic.send(gate, 10, within=LONG)
        rate_before = gate.rate
        waiting = await traffic.send(gate, 5)
        for request in before:
            request.cuts = gate.cuts  # as if each of them had been sent after the last cut
            await traffic.throttle(request)
        rate = gate.rate
        await settle(LONG)
        admitted = [request.admitted for request in waiting]
        limit, in_flight = gate.limit, gate.in_flight
        traffic.end_all()

    assert rate is not None
    assert rate_before is not None
    assert rate < rate_before / 2
    assert sum(admitted) == in_flight == min(5, limit)


@virtually
async def test_one_gates_pace_does_not_hold_up_another() -> None:
    slots = Slots(100)
    paced, free = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(paced))
        await traffic.send(paced, 50)
        await traffic.send(free, 50)
        state = (paced.in_flight, free.in_flight, free.rate)
        traffic.end_all()

    assert state == (0, START, None)


@virtually
async def test_who_is_cancelled_while_the_pace_holds_it_back_leaves_no_trace() -> None:
    slots = Slots(100)
    gate = slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(gate))
        impatient, patient = await traffic.send(gate, 2)
        impatient.scope.cancel()
        await settle()
        waiting = gate.waiting
        await settle(LONG)
        state = (impatient.admitted, patient.in_flight, slots.in_flight, gate.waiting)
        traffic.end_all()

    assert (waiting, state) == (1, (False, True, 1, 0))


@virtually
async def test_after_everybody_who_waited_for_the_pace_was_cancelled_the_next_one_is_let_in() -> None:
    """The timer that was set for them finds nobody; the next one has another."""
    slots = Slots(100)
    gate = slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(gate))
        for request in await traffic.send(gate, 3):
            request.scope.cancel()
        await settle()
        (soon,) = await traffic.send(gate, within=LONG)
        admitted = soon.in_flight
        await traffic.succeed(soon)
        (late,) = await traffic.send(gate, within=LONG)
        state = (admitted, late.in_flight, gate.waiting, slots.in_flight)
        traffic.end_all()

    assert state == (True, True, 0, 1)


@virtually
async def test_a_paced_gate_that_finds_no_slot_when_its_time_has_come_is_let_in_when_there_is_one() -> None:
    slots = Slots(2)
    paced, other = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.introduce(other)
        await traffic.throttle(*await traffic.send(paced))
        holders = await traffic.send(other, 2)
        (patient,) = await traffic.send(paced, within=LONG)
        before = patient.in_flight
        await traffic.succeed(holders[0])
        after = patient.in_flight
        traffic.end_all()

    assert (before, after) == (False, True)


# Cuts.


@virtually
async def test_a_throttle_cuts_the_limit_at_once() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(gate))

    assert gate.limit == math.floor(START * BACKOFF)


@virtually
async def test_after_a_cut_nobody_enters_before_enough_have_left() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(gate, 20)
        first, *others = traffic.of(gate)
        await traffic.throttle(first)
        in_flight = [gate.in_flight]
        for request in others[:6]:
            request.end()
            await settle(LONG)
            in_flight.append(gate.in_flight)
        traffic.end_all()

    assert in_flight == [15, 14, 13, 12, 11, 11, 11]


@virtually
async def test_one_gates_throttle_is_nothing_to_another() -> None:
    slots = Slots(100)
    throttled, other = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(throttled))

    assert (throttled.limit, other.limit) == (11, START)


@virtually
async def test_one_generation_of_throttles_cuts_once() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(gate, START))
        once = gate.limit
        await traffic.throttle(*await traffic.send(gate, 5, within=LONG))
        twice = gate.limit

    assert (once, twice) == (11, 7)


@virtually
async def test_a_request_that_succeeds_belongs_to_its_generation_too() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        first, second = await traffic.send(gate, 2)
        await traffic.throttle(first)
        await traffic.succeed(second)
        await traffic.throttle(*await traffic.send(gate, within=LONG))

    assert gate.limit == 7


@virtually
async def test_a_request_sent_before_the_cut_does_not_cut_again_however_late_it_is_throttled() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        late, first = await traffic.send(gate, 2)
        await traffic.throttle(first)
        await traffic.succeed(*await traffic.send(gate, within=LONG))
        await traffic.throttle(late)

    assert gate.limit == 11


@virtually
async def test_a_request_sent_after_the_cut_cuts_again_though_earlier_ones_are_out_still() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        _, first = await traffic.send(gate, 2)
        await traffic.throttle(first)
        await traffic.throttle(*await traffic.send(gate, within=LONG))
        traffic.end_all()

    assert gate.limit == 7


@virtually
async def test_a_request_that_ends_without_an_outcome_makes_no_later_throttle_go_unheard() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        cancelled, first = await traffic.send(gate, 2)
        await traffic.throttle(first)
        cancelled.scope.cancel()
        await settle()
        await traffic.throttle(*await traffic.send(gate, within=LONG))

    assert gate.limit == 7


@virtually
async def test_however_often_it_is_throttled_a_gate_stays_open_for_one() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        for _ in range(50):
            await traffic.throttle(*await traffic.send(gate, within=LONG))
        (last,) = await traffic.send(gate, within=LONG)
        admitted = last.in_flight
        traffic.end_all()

    assert (gate.limit, admitted) == (1, True)


@virtually
async def test_a_gate_cut_to_one_recovers() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        for _ in range(50):
            await traffic.throttle(*await traffic.send(gate, within=LONG))
        await traffic.send(gate, 1500, within=LONG)
        for _ in range(30):
            await traffic.succeed(*traffic.of(gate), within=LONG)
        recovered = gate.limit
        traffic.end_all()

    assert recovered >= 25


@given(total=st.integers(1, 64), outcomes=st.lists(st.booleans(), max_size=200), side_by_side=st.integers(1, 64))
@settings(deadline=None, max_examples=50)
def test_the_limit_stays_between_one_and_the_total(total: int, outcomes: list[bool], side_by_side: int) -> None:
    gate = Slots(total).gate()

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            traffic = Traffic(tasks)
            await traffic.send(gate, side_by_side)
            for well in outcomes:
                if not traffic.of(gate):
                    await traffic.send(gate, side_by_side, within=LONG)
                await (traffic.succeed if well else traffic.throttle)(traffic.of(gate)[0], within=0.01)
                assert 1 <= gate.limit <= total
            traffic.end_all()

    virtual_time.run(play)
