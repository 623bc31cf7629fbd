"""The bound of a run: never exceeded, nothing idle, nothing lost; who goes first, and who is not heard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.limiter import START, Gate, Slots
from tests import virtual_time
from tests.traffic import (
    LONG,
    Request,
    Traffic,
    fails,
    is_dropped,
    is_not_answered,
    is_throttled,
    settle,
    succeeds,
    virtually,
)

if TYPE_CHECKING:
    from tests.traffic import Outcome

# The bound.


def test_a_run_without_slots_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        Slots(0)


OUTCOMES = {
    "succeed": succeeds,
    "fail": fails,
    "throttle": is_throttled,
    "unanswered": is_not_answered,
    "drop": is_dropped,
}
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["send", "send", *OUTCOMES, "cancel", "wait"]), st.integers(0, 50)), max_size=60
)


@given(total=st.integers(1, 20), gates=st.integers(1, 3), actions=ACTIONS)
@settings(deadline=None, max_examples=150)
def test_the_limit_is_never_exceeded_and_no_slot_idles_while_somebody_may_have_it(
    total: int, gates: int, actions: list[tuple[str, int]]
) -> None:
    slots = Slots(total)
    entrances = [slots.gate() for _ in range(gates)]

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            traffic = Traffic(tasks)
            for action, pick in actions:
                before = {gate: gate.in_flight for gate in entrances}
                await act(traffic, entrances, action, pick)
                in_flight = {gate: len(traffic.of(gate)) for gate in entrances}

                assert sum(in_flight.values()) == slots.in_flight <= slots.peak <= total
                assert in_flight == {gate: gate.in_flight for gate in entrances}
                assert all(count <= max(gate.limit, before[gate]) for gate, count in in_flight.items())
                assert sum(gate.waiting for gate in entrances) == sum(each.waiting for each in traffic.requests)
                if action == "wait" or not any(gate.rate for gate in entrances):
                    assert slots.in_flight == total or not any(may_send(gate, entrances, total) for gate in entrances)
            traffic.end_all()

    virtual_time.run(play)
    assert (slots.in_flight, [(gate.in_flight, gate.waiting) for gate in entrances]) == (0, [(0, 0)] * gates)


def may_send(gate: Gate, gates: list[Gate], total: int) -> bool:
    """Tell whether somebody waits at a gate for no reason but its pace."""
    if not gate.waiting or gate.in_flight >= gate.limit:
        return False
    unheard = sum(each.in_flight for each in gates if not each.heard)
    return gate.heard or gate.in_flight == 0 or unheard < max(1, total // 2)


async def act(traffic: Traffic, gates: list[Gate], action: str, pick: int) -> None:
    if action == "send":
        await traffic.send(gates[pick % len(gates)], 1 + pick % 4)
        return
    if action == "wait":
        await settle(LONG)
        return
    candidates = [each for each in traffic.requests if (not each.ended if action == "cancel" else each.in_flight)]
    if not candidates:
        return
    request = candidates[pick % len(candidates)]
    if action == "cancel":
        request.scope.cancel()
        await settle()
    else:
        # Some milliseconds, within which a pace may let nobody pass or several.
        await traffic.end(OUTCOMES[action], request, within=pick / 1000)


@virtually
async def test_the_peak_is_the_most_that_ever_was_in_flight() -> None:
    slots = Slots(3)
    gate = slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.introduce(gate)
        await traffic.succeed(*await traffic.send(gate, 2))
        await traffic.send(gate, 1)
        peak = slots.peak
        traffic.end_all()

    assert peak == 2


@virtually
async def test_at_one_gate_it_is_first_come_first_served() -> None:
    gate = Slots(1).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        requests = await traffic.send(gate, 4)
        order = []
        for _ in requests:
            (current,) = traffic.of(gate)
            order.append(current)
            await traffic.succeed(current)

    assert order == requests


@virtually
async def test_an_error_gives_its_slot_back() -> None:
    slots = Slots(1)
    gate = slots.gate()

    with pytest.raises(ConnectionError):
        async with gate:
            raise ConnectionError

    assert (slots.in_flight, gate.in_flight) == (0, 0)


# Who goes first.


@virtually
async def test_a_free_slot_goes_to_the_gate_with_the_fewest_in_flight() -> None:
    slots = Slots(4)
    slow, fast = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.introduce(slow, fast)
        await traffic.send(slow, 10)
        await traffic.send(fast, 10)
        shares = []
        for _ in range(4):
            shares.append((slow.in_flight, fast.in_flight))
            await traffic.succeed(traffic.of(slow)[0])
        traffic.end_all()

    assert shares == [(4, 0), (3, 1), (2, 2), (2, 2)]


@virtually
async def test_a_slow_gate_does_not_crowd_out_a_fast_one() -> None:
    slots = Slots(8)
    slow, fast = slots.gate(), slots.gate()
    seconds = {slow: 100, fast: 1}
    done = {slow: 0, fast: 0}

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.introduce(slow, fast)
        await traffic.send(slow, 50)
        await traffic.send(fast, 1000)
        due: dict[Request, int] = {}
        for now in range(201):  # virtual seconds: nothing passes but what is counted here
            over = [request for request, when in due.items() if when == now]
            for request in over:
                del due[request]
                done[request.gate] += 1
            await traffic.succeed(*over)
            for gate in (slow, fast):
                due.update({each: now + seconds[gate] for each in traffic.of(gate) if each not in due})
        traffic.end_all()

    # Slow had all 8 slots for its first 100 s; from then on each gate has half. First come, first served would
    # have left the fast gate about a hundredth of the slots.
    assert done[fast] >= 4 * 95


@virtually
async def test_a_gate_that_nobody_competes_with_may_have_every_slot() -> None:
    slots = Slots(START)
    alone, idle = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.introduce(alone)
        await traffic.send(alone, START + 5)
        in_flight = (alone.in_flight, idle.in_flight)
        traffic.end_all()

    assert in_flight == (START, 0)


@virtually
async def test_a_gate_at_its_own_limit_does_not_hold_up_another() -> None:
    slots = Slots(2 * START)
    full, other = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.introduce(full, other)
        await traffic.send(full, START + 5)
        await traffic.send(other, 3)
        state = (full.waiting, other.in_flight, other.waiting)
        traffic.end_all()

    assert state == (5, 3, 0)


# Cancellation.


@virtually
async def test_who_is_cancelled_while_waiting_takes_nothing_and_keeps_nobody_from_it() -> None:
    slots = Slots(1)
    gate = slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        holder, impatient, patient = await traffic.send(gate, 3)
        impatient.scope.cancel()
        await settle()
        waiting = gate.waiting
        await traffic.succeed(holder)
        state = (impatient.admitted, patient.in_flight, slots.in_flight)
        traffic.end_all()

    assert (waiting, state) == (1, (False, True, 1))


@virtually
async def test_who_is_cancelled_last_in_the_queue_leaves_no_trace() -> None:
    slots = Slots(1)
    gate, other = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        (holder,) = await traffic.send(gate)
        (impatient,) = await traffic.send(gate)
        impatient.scope.cancel()
        await settle()
        await traffic.send(other)
        await traffic.succeed(holder)
        state = (gate.waiting, gate.in_flight, other.in_flight)
        traffic.end_all()

    assert state == (0, 0, 1)


@pytest.mark.parametrize("same_gate", [True, False])
@virtually
async def test_a_slot_granted_at_the_moment_of_an_anyio_cancellation_is_not_lost(same_gate: bool) -> None:
    slots = Slots(1)
    gate = slots.gate()
    other = gate if same_gate else slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        async with gate:
            (impatient,) = await traffic.send(gate)
            (patient,) = await traffic.send(other)
        granted = (gate.in_flight, impatient.admitted)  # nothing has run since the slot was passed on
        impatient.scope.cancel()
        await settle()
        state = (impatient.ended, patient.in_flight, slots.in_flight)
        traffic.end_all()

    assert (granted, state) == ((1, False), (True, True, 1))
    assert slots.in_flight == 0


@pytest.mark.parametrize("same_gate", [True, False])
@virtually
async def test_a_slot_granted_at_the_moment_of_an_asyncio_cancellation_is_not_lost(same_gate: bool) -> None:
    slots = Slots(1)
    gate = slots.gate()
    other = gate if same_gate else slots.gate()
    impatient, patient = Request(gate), Request(other)

    async with gate:
        tasks = [asyncio.create_task(impatient.run())]
        await settle()
        tasks.append(asyncio.create_task(patient.run()))
        await settle()
    granted = (gate.in_flight, impatient.admitted)  # nothing has run since the slot was passed on
    tasks[0].cancel()
    await settle()
    state = (tasks[0].cancelled(), impatient.admitted, patient.in_flight, slots.in_flight)
    patient.end()
    await tasks[1]

    assert (granted, state) == ((1, False), (True, False, True, 1))
    assert slots.in_flight == 0


@virtually
async def test_who_is_cancelled_in_flight_gives_the_slot_to_the_next() -> None:
    slots = Slots(1)
    gate = slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        holder, patient = await traffic.send(gate, 2)
        holder.scope.cancel()
        await settle()
        state = (patient.in_flight, slots.in_flight)
        traffic.end_all()

    assert state == (True, 1)


# Who is not heard.


@virtually
async def test_until_it_is_answered_a_gate_has_half_of_the_slots() -> None:
    slots = Slots(20)
    gate = slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        first, *_ = await traffic.send(gate, 50)
        unheard = gate.in_flight
        await traffic.succeed(first)
        heard = gate.in_flight
        traffic.end_all()

    assert (unheard, heard) == (10, START)


@virtually
async def test_gates_that_nobody_answers_at_share_half_of_the_slots_and_have_one_each_besides() -> None:
    slots = Slots(20)
    silent = [slots.gate() for _ in range(5)]
    answered = slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.introduce(answered)
        for gate in silent:
            await traffic.send(gate, 50)
        alone = [gate.in_flight for gate in silent]
        await traffic.send(answered, 50)
        together = (answered.in_flight, slots.in_flight)
        traffic.end_all()

    assert alone == [10, 1, 1, 1, 1]
    assert together == (6, 20)


@pytest.mark.parametrize("total", [1, 2, 3])
@virtually
async def test_however_few_the_slots_are_a_gate_that_nobody_answers_at_has_one(total: int) -> None:
    slots = Slots(total)
    gate = slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(gate, 5)
        in_flight = gate.in_flight
        traffic.end_all()

    assert in_flight == 1


@pytest.mark.parametrize("outcome", [succeeds, fails, is_throttled])
@virtually
async def test_an_answer_of_any_kind_makes_a_gate_one_that_is_heard(outcome: Outcome) -> None:
    gate = Slots(20).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.end(outcome, *await traffic.send(gate))

    assert gate.heard


@virtually
async def test_a_gate_that_is_not_answered_any_more_goes_back_to_its_start() -> None:
    slots = Slots(100)
    gate, other = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(gate, 500)
        for _ in range(4):
            await traffic.succeed(*traffic.of(gate))
        grown = gate.limit
        await traffic.leave_unanswered(*traffic.of(gate))
        state = (gate.limit, gate.heard, gate.in_flight)
        await traffic.introduce(other)
        await traffic.send(other, 200)
        left = other.in_flight
        traffic.end_all()

    assert (grown, state) == (100, (START, False, START))
    assert left > 1


@virtually
async def test_what_is_in_flight_counts_among_the_unheard_from_the_moment_that_its_gate_does() -> None:
    """And leaves them when the gate is answered again: nothing is counted twice, or stays behind."""
    slots = Slots(10)
    silent, other = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.introduce(silent)
        first, second, *_ = await traffic.send(silent, 6)
        await traffic.leave_unanswered(first)
        await traffic.send(other, 5)
        kept_out = other.in_flight
        await traffic.succeed(second)
        let_in = other.in_flight
        traffic.end_all()

    assert (kept_out, let_in) == (1, 5)
    assert slots.in_flight == 0
