from __future__ import annotations

import asyncio
import itertools
import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.limiter import BACKOFF, START, Gate, Slots

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskGroup


async def settle() -> None:
    """Give the event loop as many turns as anything here needs to get as far as it can get."""
    for _ in range(20):
        await checkpoint()


@dataclass(eq=False)
class Request:
    """One request at a gate: it waits for its slot, then holds it until it is told how it ended."""

    gate: Gate
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    admitted: bool = False
    ended: bool = False
    cuts: int = 0
    _told: anyio.Event = field(default_factory=anyio.Event)
    _outcome: Callable[[], None] = lambda: None

    async def run(self) -> None:
        with self.scope:
            try:
                async with self.gate:
                    self.cuts = self.gate.cuts
                    self.admitted = True
                    await self._told.wait()
                    self._outcome()
            finally:
                self.ended = True

    def end(self, outcome: Callable[[], None] = lambda: None) -> None:
        self._outcome = outcome
        self._told.set()

    @property
    def in_flight(self) -> bool:
        return self.admitted and not self.ended

    @property
    def waiting(self) -> bool:
        return not self.admitted and not self.ended


class Traffic:
    """Requests at the gates of one set of slots, each of them held and ended by the test."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self.requests: list[Request] = []

    async def send(self, gate: Gate, count: int = 1) -> list[Request]:
        sent = [Request(gate) for _ in range(count)]
        self.requests += sent
        for request in sent:
            self._tasks.start_soon(request.run)
        await settle()
        return sent

    async def succeed(self, *requests: Request) -> None:
        for request in requests:
            request.end(request.gate.succeeded)
        await settle()

    async def throttle(self, *requests: Request) -> None:
        for request in requests:
            request.end(partial(request.gate.throttled, request.cuts))
        await settle()

    def of(self, gate: Gate) -> list[Request]:
        return [request for request in self.requests if request.gate is gate and request.in_flight]

    def end_all(self) -> None:
        self._tasks.cancel_scope.cancel()


# The bound.


def test_a_run_without_slots_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        Slots(0)


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["send", "send", "succeed", "throttle", "drop", "cancel"]), st.integers(0, 50)),
    max_size=60,
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
                waiting = [gate for gate in entrances if gate.waiting]

                assert sum(in_flight.values()) == slots.in_flight <= slots.peak <= total
                assert in_flight == {gate: gate.in_flight for gate in entrances}
                assert all(count <= max(gate.limit, before[gate]) for gate, count in in_flight.items())
                assert slots.in_flight == total or not [gate for gate in waiting if gate.in_flight < gate.limit]
                assert sum(gate.waiting for gate in entrances) == sum(each.waiting for each in traffic.requests)
            traffic.end_all()

    asyncio.run(play())
    assert (slots.in_flight, [(gate.in_flight, gate.waiting) for gate in entrances]) == (0, [(0, 0)] * gates)


async def act(traffic: Traffic, gates: list[Gate], action: str, pick: int) -> None:
    if action == "send":
        await traffic.send(gates[pick % len(gates)], 1 + pick % 4)
        return
    candidates = [each for each in traffic.requests if (not each.ended if action == "cancel" else each.in_flight)]
    if not candidates:
        return
    request = candidates[pick % len(candidates)]
    if action == "cancel":
        request.scope.cancel()
    else:
        throttled = partial(request.gate.throttled, request.cuts)
        outcomes: dict[str, Callable[[], None]] = {"succeed": request.gate.succeeded, "throttle": throttled}
        request.end(outcomes.get(action, lambda: None))
    await settle()


async def test_the_peak_is_the_most_that_ever_was_in_flight() -> None:
    slots = Slots(3)
    gate = slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.succeed(*await traffic.send(gate, 2))
        await traffic.send(gate, 1)
        peak = slots.peak
        traffic.end_all()

    assert peak == 2


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


async def test_an_error_gives_its_slot_back() -> None:
    slots = Slots(1)
    gate = slots.gate()

    with pytest.raises(ConnectionError):
        async with gate:
            raise ConnectionError

    assert (slots.in_flight, gate.in_flight) == (0, 0)


# Who goes first.


async def test_a_free_slot_goes_to_the_gate_with_the_fewest_in_flight() -> None:
    slots = Slots(4)
    slow, fast = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(slow, 10)
        await traffic.send(fast, 10)
        shares = []
        for _ in range(4):
            shares.append((slow.in_flight, fast.in_flight))
            await traffic.succeed(traffic.of(slow)[0])
        traffic.end_all()

    assert shares == [(4, 0), (3, 1), (2, 2), (2, 2)]


async def test_a_slow_gate_does_not_crowd_out_a_fast_one() -> None:
    slots = Slots(8)
    slow, fast = slots.gate(), slots.gate()
    seconds = {slow: 100, fast: 1}
    done = {slow: 0, fast: 0}

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
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


async def test_a_gate_that_nobody_competes_with_may_have_every_slot() -> None:
    slots = Slots(START)
    alone, idle = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(alone, START + 5)
        in_flight = (alone.in_flight, idle.in_flight)
        traffic.end_all()

    assert in_flight == (START, 0)


async def test_a_gate_at_its_own_limit_does_not_hold_up_another() -> None:
    slots = Slots(2 * START)
    full, other = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(full, START + 5)
        await traffic.send(other, 3)
        state = (full.waiting, other.in_flight, other.waiting)
        traffic.end_all()

    assert state == (5, 3, 0)


# Cancellation.


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


# Growth.


@pytest.mark.parametrize(("total", "limit"), [(1, 1), (5, 5), (START, START), (1000, START)])
def test_a_gate_starts_small_and_within_the_total(total: int, limit: int) -> None:
    assert Slots(total).gate().limit == limit


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


async def test_a_limit_that_holds_nothing_back_does_not_grow() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        for _ in range(50):
            await traffic.succeed(*await traffic.send(gate, START - 1))

    assert gate.limit == START


async def test_once_throttled_a_gate_grows_by_one_each_round_trip() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.send(gate, 500)
        first, *others = traffic.of(gate)
        await traffic.throttle(first)
        await traffic.succeed(*others)
        limits = []
        for _ in range(10):
            limits.append(gate.limit)
            await traffic.succeed(*traffic.of(gate))
        traffic.end_all()

    assert limits[-1] - limits[0] in range(8, 11)
    assert all(later - sooner <= 1 for sooner, later in itertools.pairwise(limits))


# Cuts.


async def test_a_throttle_cuts_the_limit_at_once() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(gate))

    assert gate.limit == math.floor(START * BACKOFF)


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
            await settle()
            in_flight.append(gate.in_flight)
        traffic.end_all()

    assert in_flight == [15, 14, 13, 12, 11, 11, 11]


async def test_one_gates_throttle_is_nothing_to_another() -> None:
    slots = Slots(100)
    throttled, other = slots.gate(), slots.gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(throttled))

    assert (throttled.limit, other.limit) == (11, START)


async def test_one_generation_of_throttles_cuts_once() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        await traffic.throttle(*await traffic.send(gate, START))
        once = gate.limit
        await traffic.throttle(*await traffic.send(gate, 5))
        twice = gate.limit

    assert (once, twice) == (11, 7)


async def test_a_request_that_succeeds_belongs_to_its_generation_too() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        first, second = await traffic.send(gate, 2)
        await traffic.throttle(first)
        await traffic.succeed(second)
        await traffic.throttle(*await traffic.send(gate))

    assert gate.limit == 7


async def test_a_request_sent_before_the_cut_does_not_cut_again_however_late_it_is_throttled() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        late, first = await traffic.send(gate, 2)
        await traffic.throttle(first)
        await traffic.succeed(*await traffic.send(gate))
        await traffic.throttle(late)

    assert gate.limit == 11


async def test_a_request_sent_after_the_cut_cuts_again_though_earlier_ones_are_out_still() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        _, first = await traffic.send(gate, 2)
        await traffic.throttle(first)
        await traffic.throttle(*await traffic.send(gate))
        traffic.end_all()

    assert gate.limit == 7


async def test_a_request_that_ends_without_an_outcome_makes_no_later_throttle_go_unheard() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        cancelled, first = await traffic.send(gate, 2)
        await traffic.throttle(first)
        cancelled.scope.cancel()
        await settle()
        await traffic.throttle(*await traffic.send(gate))

    assert gate.limit == 7


async def test_however_often_it_is_throttled_a_gate_stays_open_for_one() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        for _ in range(50):
            await traffic.throttle(*await traffic.send(gate))
        (last,) = await traffic.send(gate)
        admitted = last.in_flight
        traffic.end_all()

    assert (gate.limit, admitted) == (1, True)


async def test_a_gate_cut_to_one_recovers() -> None:
    gate = Slots(100).gate()

    async with anyio.create_task_group() as tasks:
        traffic = Traffic(tasks)
        for _ in range(50):
            await traffic.throttle(*await traffic.send(gate))
        await traffic.send(gate, 500)
        for _ in range(30):
            await traffic.succeed(*traffic.of(gate))
        recovered = gate.in_flight
        traffic.end_all()

    assert recovered in range(25, 32)


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
                    await traffic.send(gate, side_by_side)
                await (traffic.succeed if well else traffic.throttle)(traffic.of(gate)[0])
                assert 1 <= gate.limit <= total
            traffic.end_all()

    asyncio.run(play())
