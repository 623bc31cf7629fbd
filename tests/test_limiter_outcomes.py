"""One gate: what it makes of how its requests ended, and what it tells of that."""

from __future__ import annotations

import anyio

from s3audit_async.limiter import Slots
from tests.traffic import LONG, ROUND_TRIP, Traffic, is_dropped, virtually

# What it tells.


def test_a_run_that_asks_nothing_has_a_peak_of_nothing() -> None:
    assert Slots(3).peak == 0


@virtually
async def test_the_first_throttle_of_a_generation_is_news_and_the_others_are_not() -> None:
    gate = Slots(100).gate()

    async with gate:
        before = gate.cuts
        first = gate.throttled(before, ROUND_TRIP)
        others = [gate.throttled(before, ROUND_TRIP) for _ in range(3)]
        of_the_next = gate.throttled(gate.cuts, ROUND_TRIP)

    assert (first, others, of_the_next) == (True, [False] * 3, True)


@virtually
async def test_cuts_are_counted_one_by_one() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        cuts = [gate.cuts]
        for _ in range(3):
            await traffic.throttle(*await traffic.send(gate, 2, within=LONG))
            cuts.append(gate.cuts)

    assert cuts == [0, 1, 2, 3]


# Whether it was the pace that held requests back.


@virtually
async def test_while_the_pace_holds_requests_back_it_grows_with_their_answers() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(gate))
        before = gate.rate
        await traffic.succeed(*await traffic.send(gate, 3, within=LONG))
        after = gate.rate

    assert before is not None
    assert after is not None
    assert after > before


@virtually
async def test_a_request_that_need_not_wait_for_the_pace_does_not_make_it_faster() -> None:
    """Be it the first one after the throttle, or one after others that had to wait."""
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(gate), within=LONG)
        rates = [gate.rate]
        await traffic.succeed(*await traffic.send(gate))
        rates.append(gate.rate)
        await traffic.succeed(*await traffic.send(gate, 3, within=LONG))
        rates.append(gate.rate)
        await traffic.succeed(*await traffic.send(gate))
        rates.append(gate.rate)

    throttled, alone, held_back, alone_again = rates
    assert throttled == alone
    assert alone != held_back == alone_again


# Who is not heard.


@virtually
async def test_a_gate_that_was_never_heard_is_not_counted_again_when_a_request_comes_to_nothing() -> None:
    slots = Slots(10)
    first, second = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        lost, _ = await traffic.send(first, 2)
        await traffic.leave_unanswered(lost)
        await traffic.send(second, 10)
        in_flight = (first.in_flight, second.in_flight)
        traffic.end_all()

    assert in_flight == (1, 4)


@virtually
async def test_at_a_gate_that_nobody_answers_at_each_that_leaves_makes_room_for_one() -> None:
    gate = Slots(20).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(gate, 50)
        in_flight = [gate.in_flight]
        for _ in range(5):
            await traffic.end(is_dropped, traffic.of(gate)[0])
            in_flight.append(gate.in_flight)
        traffic.end_all()

    assert in_flight == [10] * 6
