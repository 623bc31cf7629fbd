"""What changed between two reports, and which way it goes: all of it pure."""

from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.analysis.drift.comparison import BEYOND_FOUR_COLUMNS, Direction, compare, gravest_first, gravity_of
from s3audit_async.analysis.drift.gathering import Drift, Kind, gather
from s3audit_async.assessment import assess
from s3audit_async.errors import UsageError
from s3audit_async.findings import Finding
from s3audit_async.model import Encryption, Failure, Operation, SseC
from tests.drifting import (
    ACCOUNT,
    ARN,
    AWS_MANAGED,
    BEING_UPDATED,
    DAY,
    DENIED,
    DENIED_KEY,
    DISABLED,
    FAILED,
    FUTURE,
    GONE,
    KINDS,
    NO_BUCKET_KEY,
    NOT_BLOCKED,
    OTHER_ARN,
    OTHER_KEY,
    SOUND,
    SSE_S3,
    UNCONFIGURED,
    UNVERIFIED,
    UNVERIFIED_NO_BUCKET_KEY,
    UNVERIFIED_OTHER,
    bucket,
    key,
    kms,
    named,
    narrow,
    wide,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from s3audit_async.model import Row

    As = Callable[[Row], Row]

FOREIGN = "999988887777"
FOREIGN_ARN = ARN.replace(ACCOUNT, FOREIGN)
WORSE, BETTER, NEUTRAL, UNKNOWN = Direction.WORSE, Direction.BETTER, Direction.NEUTRAL, Direction.UNKNOWN
WEIGHED = sorted(set(Finding) - {Finding.ENCRYPTION_UNREADABLE, Finding.BUCKET_NOT_AUDITED, Finding.KEY_NOT_VERIFIED})
"""The findings that do not say that something is unknown."""
MIRRORED = {WORSE: BETTER, BETTER: WORSE, NEUTRAL: NEUTRAL, UNKNOWN: UNKNOWN}


def direction(old: Row, new: Row) -> Direction | None:
    """Which way a change goes; None where there is none."""
    comparison = compare(old, new)
    return comparison.direction if comparison else None


def columns(old: Row, new: Row) -> list[str]:
    """The names of the columns that differ."""
    comparison = compare(old, new)
    return [each.column.name for each in comparison.differences] if comparison else []


DIRECTIONS: dict[str, tuple[Row, Row, Direction | None]] = {
    "Bucket Key switched off": (SOUND, NO_BUCKET_KEY, WORSE),
    "key disabled": (SOUND, DISABLED, WORSE),
    "SSE-C allowed again": (SOUND, NOT_BLOCKED, WORSE),
    "encryption by a sound key": (SSE_S3, SOUND, BETTER),
    "a key of one's own": (AWS_MANAGED, SOUND, BETTER),
    "another key that is as good": (SOUND, OTHER_KEY, NEUTRAL),
    "a key being updated": (SOUND, BEING_UPDATED, NEUTRAL),
    "a bucket that may not be read any more": (SOUND, DENIED, UNKNOWN),
    "a bad bucket that may not be read any more": (UNCONFIGURED, DENIED, UNKNOWN),
    "a bucket that is read for the first time": (DENIED, SSE_S3, UNKNOWN),
    "denied instead of failed": (FAILED, DENIED, UNKNOWN),
    "a key that may not be described any more": (SOUND, UNVERIFIED, UNKNOWN),
    "another key, neither of them described": (UNVERIFIED, UNVERIFIED_OTHER, UNKNOWN),
    "Bucket Key off, neither key described": (UNVERIFIED, UNVERIFIED_NO_BUCKET_KEY, WORSE),
    "Bucket Key off, whatever the key may be": (SOUND, UNVERIFIED_NO_BUCKET_KEY, WORSE),
    "a key that may be any, instead of SSE-S3": (SSE_S3, UNVERIFIED, UNKNOWN),
    "a setting beside a key that neither has described": (
        UNVERIFIED_NO_BUCKET_KEY,
        replace(UNVERIFIED_NO_BUCKET_KEY, bucket_key=None),
        NEUTRAL,
    ),
    "Bucket Key off with another key, neither described": (
        UNVERIFIED,
        bucket(kms(OTHER_ARN, bucket_key=False), DENIED_KEY),
        UNKNOWN,
    ),
    "another account's key, where the own account is unknown": (
        replace(SOUND, account=None),
        bucket(kms(FOREIGN_ARN), replace(key(arn=FOREIGN_ARN), account=FOREIGN), account=None),
        UNKNOWN,
    ),
    "a key of the same account, whichever that is": (
        replace(SOUND, account=None),
        replace(OTHER_KEY, account=None),
        NEUTRAL,
    ),
    "one algorithm nobody knows instead of another": (
        FUTURE,
        bucket(Encryption("aws:later", sse_c=SseC.BLOCKED)),
        UNKNOWN,
    ),
    "another key, both in a state nobody knows": (
        bucket(kms(), key("Resting")),
        bucket(kms(OTHER_ARN), key("Resting", OTHER_ARN)),
        UNKNOWN,
    ),
    "an alias that was pointed at another key, both in a state nobody knows": (
        bucket(kms("alias/mine"), key("Resting")),
        bucket(kms("alias/mine"), key("Resting", OTHER_ARN)),
        UNKNOWN,
    ),
    "Bucket Key off, the same key in a state nobody knows": (
        bucket(kms(), key("Resting")),
        bucket(kms(bucket_key=False), key("Resting")),
        WORSE,
    ),
    "a key found disabled that may have been so before": (UNVERIFIED_NO_BUCKET_KEY, DISABLED, UNKNOWN),
    "an algorithm nobody knows": (SSE_S3, FUTURE, UNKNOWN),
}


@pytest.mark.parametrize(("old", "new", "expected"), DIRECTIONS.values(), ids=DIRECTIONS)
def test_which_way_a_change_goes(old: Row, new: Row, expected: Direction | None) -> None:
    assert direction(old, new) is expected


@pytest.mark.parametrize(("gained", "lost"), list(itertools.permutations(WEIGHED, 2)))
def test_a_graver_finding_outweighs_a_slighter_one(gained: str, lost: str) -> None:
    by_rank = gravity_of(gained).rank - gravity_of(lost).rank
    expected = WORSE if by_rank < 0 else BETTER if by_rank > 0 else NEUTRAL

    assert direction(replace(SSE_S3, findings=(lost,)), replace(SSE_S3, findings=(gained,))) is expected


def test_one_graver_finding_outweighs_all_slighter_ones() -> None:
    gravest, *others = gravest_first(WEIGHED)
    slighter = tuple(each for each in others if gravity_of(each).rank > gravity_of(gravest).rank)

    assert direction(replace(SSE_S3, findings=slighter), replace(SSE_S3, findings=(gravest,))) is WORSE


def test_more_findings_of_one_gravity_outweigh_fewer() -> None:
    ordered = gravest_first(WEIGHED)
    one, two = next(pair for pair in itertools.pairwise(ordered) if len({gravity_of(each) for each in pair}) == 1)

    assert direction(replace(SSE_S3, findings=(one,)), replace(SSE_S3, findings=(one, two))) is WORSE


LATER = "of-the-future"
CRITICAL, HIGH = Finding.KEY_PENDING_DELETION, Finding.KEY_DISABLED


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ((), (LATER,), UNKNOWN),
        ((LATER,), (HIGH,), UNKNOWN),
        ((LATER,), (CRITICAL,), UNKNOWN),
        ((HIGH,), (LATER, HIGH), UNKNOWN),
        ((), (LATER, HIGH), WORSE),
        ((LATER,), (CRITICAL, Finding.KEY_NOT_FOUND), WORSE),
        ((LATER,), (LATER, HIGH), WORSE),
    ],
)
def test_a_finding_of_a_later_version_may_be_of_any_severity(
    old: tuple[str, ...], new: tuple[str, ...], expected: Direction
) -> None:
    before, after = (replace(SSE_S3, findings=findings) for findings in (old, new))

    assert direction(before, after) is expected
    assert direction(after, before) is MIRRORED[expected]


def test_what_neither_report_can_tell_of_another_key_is_named() -> None:
    comparison = compare(UNVERIFIED, UNVERIFIED_OTHER)

    assert comparison
    assert set(comparison.undecided) > {Finding.KEY_DISABLED, Finding.KEY_PENDING_DELETION, Finding.AWS_MANAGED_KEY}


@pytest.mark.parametrize("row", KINDS)
def test_times_and_texts_of_errors_are_no_change(row: Row) -> None:
    later = replace(
        row,
        audited_at=DAY + timedelta(days=1),
        created=DAY,
        error=row.error and Failure(row.error.operation, row.error.code, "request 2"),
    )

    assert compare(row, later) is None


def test_an_account_or_region_that_one_report_does_not_know_is_no_difference() -> None:
    assert columns(SSE_S3, replace(SSE_S3, account=None, region=None)) == []
    assert columns(SSE_S3, replace(SSE_S3, region="us-east-1")) == ["region"]


def test_findings_known_in_one_report_only_are_neither_gained_nor_lost() -> None:
    comparison = compare(DENIED, NO_BUCKET_KEY)

    assert comparison
    assert (comparison.gained, comparison.lost) == ((), (Finding.ENCRYPTION_UNREADABLE,))
    assert comparison.now_known == (Finding.BUCKET_KEY_OFF,)
    assert Finding.KEY_DISABLED in comparison.undecided


# Reports of four columns.


@pytest.mark.parametrize("row", KINDS)
@pytest.mark.parametrize("other", [narrow, wide])
def test_the_same_bucket_in_another_format_is_no_change(row: Row, other: As) -> None:
    assert compare(narrow(row), other(row)) is None
    assert compare(other(row), narrow(row)) is None


def test_what_four_columns_cannot_know_is_no_part_of_a_comparison() -> None:
    assert compare(narrow(SOUND), DISABLED) is None
    assert compare(NOT_BLOCKED, narrow(SOUND)) is None


def test_a_bucket_without_a_key_had_none_that_was_disabled() -> None:
    """Four columns tell that much."""
    comparison = compare(narrow(SSE_S3), DISABLED)

    assert comparison
    assert (comparison.gained, comparison.lost) == ((Finding.KEY_DISABLED,), (Finding.SSE_S3_ONLY,))


def test_four_columns_do_not_tell_whether_a_bucket_key_off_is_worse() -> None:
    """With DSSE-KMS there is none, and nobody knows that it is not DSSE-KMS; a wide report does."""
    comparison = compare(narrow(SOUND), narrow(NO_BUCKET_KEY))

    assert comparison
    assert (comparison.direction, comparison.undecided) == (UNKNOWN, (Finding.BUCKET_KEY_OFF,))
    assert direction(narrow(SOUND), NO_BUCKET_KEY) is WORSE
    assert direction(NO_BUCKET_KEY, narrow(SOUND)) is BETTER


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (SSE_S3, SOUND, BETTER),
        (SOUND, AWS_MANAGED, WORSE),
        (SOUND, OTHER_KEY, NEUTRAL),
        (SOUND, DENIED, UNKNOWN),
        (SOUND, UNVERIFIED, UNKNOWN),
    ],
)
def test_four_columns_tell_the_rest(old: Row, new: Row, expected: Direction) -> None:
    pairs = [(narrow(old), narrow(new)), (old, narrow(new)), (narrow(old), new)]

    assert [direction(*pair) for pair in pairs] == [expected] * 3


def test_beyond_four_columns_is_what_they_never_find() -> None:
    modes = ["AES256", "SSEConfigNotFound", "alias/aws/s3", "alias/mine", "AccessDenied", "InternalError", "aws:future"]
    types = ["N/A", "AWS", "CUSTOMER", "Unknown", "AccessDenied", "KeyNotFound", "KMSInternalException"]
    found: set[str] = set()
    for mode, key_type, flag in itertools.product(modes, types, [True, False, None]):
        found |= assess(replace(narrow(SOUND), mode=mode, key_type=key_type, bucket_key=flag)).found

    assert set(Finding) - found == BEYOND_FOUR_COLUMNS | {Finding.BUCKET_KEY_OFF}


# Whole reports.


def gathered(old: list[Row], new: list[Row], *, by_account: bool = True) -> Drift:
    return gather(old, new, by_account=by_account)


def told(drift: Drift) -> object:
    """All of it, in the order in which it is shown."""
    return (
        [(each.bucket, each.row) for each in drift.added],
        [(each.bucket, each.row) for each in drift.removed],
        [(each.bucket, each.comparison) for each in drift.changed],
        (drift.old_buckets, drift.new_buckets, drift.unchanged),
    )


reports = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(KINDS), max_size=8).map(
    lambda buckets: [replace(row, bucket=name) for name, row in buckets.items()]
)
layouts = st.sampled_from([narrow, wide])


@settings(deadline=None)
@given(reports, layouts, layouts, st.randoms())
def test_a_report_does_not_differ_from_itself_in_any_format_or_order(
    rows: list[Row], one: As, other: As, random: Random
) -> None:
    shuffled = [other(row) for row in rows]
    random.shuffle(shuffled)
    drift = gathered([one(row) for row in rows], shuffled, by_account=one is other)

    assert (drift.added, drift.removed, drift.changed) == ([], [], [])
    assert drift.unchanged == drift.old_buckets == drift.new_buckets


@settings(deadline=None)
@given(reports, reports, layouts, layouts)
def test_the_other_way_round_everything_is_mirrored(old: list[Row], new: list[Row], one: As, other: As) -> None:
    before, after = [one(row) for row in old], [other(row) for row in new]
    there, back = gathered(before, after, by_account=False), gathered(after, before, by_account=False)

    assert (there.added, there.removed) == (back.removed, back.added)
    assert there.unchanged == back.unchanged
    changes = {each.bucket: each.comparison for each in back.changed}
    assert {each.bucket for each in there.changed} == changes.keys()
    for change in there.changed:
        mirrored = changes[change.bucket]
        assert mirrored.direction is MIRRORED[change.comparison.direction]
        assert (mirrored.gained, mirrored.lost) == (change.comparison.lost, change.comparison.gained)
        assert mirrored.now_known == change.comparison.no_longer_known


@settings(deadline=None)
@given(reports, reports, st.randoms())
def test_the_order_of_rows_does_not_matter(old: list[Row], new: list[Row], random: Random) -> None:
    expected = told(gathered(old, new))
    random.shuffle(old)
    random.shuffle(new)

    assert told(gathered(old, new)) == expected


def test_every_bucket_is_in_one_place() -> None:
    old = [replace(row, bucket=name) for name, row in zip("abcd", [SOUND, SOUND, SSE_S3, SSE_S3], strict=True)]
    new = [replace(row, bucket=name) for name, row in zip("abce", [SOUND, DISABLED, SOUND, DENIED], strict=True)]
    drift = gathered(old, new)

    assert [each.bucket for each in drift.added] == ["e"]
    assert [each.bucket for each in drift.removed] == ["d"]
    assert [(each.bucket, each.comparison.direction) for each in drift.changed] == [("b", WORSE), ("c", BETTER)]
    assert (drift.old_buckets, drift.new_buckets, drift.unchanged) == (4, 4, 1)
    assert {kind: drift.count(kind) for kind in Kind} == {
        "worse": 1,
        "unknown": 1,  # the added one, which nobody could read
        "changed": 2,
        "added": 1,
        "added-with-findings": sum(
            gravity_of(each) in {"critical", "high", "medium"} for each in DENIED.findings or ()
        ),
        "removed": 1,
    }


def test_an_added_bucket_with_a_grave_finding_counts_apart() -> None:
    grave = [replace(SSE_S3, findings=(Finding.KEY_PENDING_DELETION,))]

    assert gathered([], named([SOUND])).count(Kind.ADDED_WITH_FINDINGS) == 0
    assert gathered([], grave).count(Kind.ADDED_WITH_FINDINGS) == 1
    assert gathered([], grave).count(Kind.UNKNOWN) == gathered([], grave).count(Kind.WORSE) == 0


def test_a_bucket_that_was_gone_is_not_there() -> None:
    drift = gathered([replace(GONE, bucket="a"), SOUND], [replace(SOUND, bucket="a"), GONE])

    assert ([each.bucket for each in drift.added], [each.bucket for each in drift.removed]) == (["a"], ["b"])
    assert (drift.old_buckets, drift.new_buckets) == (1, 1)


def test_the_same_name_in_two_accounts_is_two_buckets() -> None:
    old = [bucket(kms(), key(), account="1" * 12), bucket(kms(), key(), account="2" * 12)]
    new = [bucket(kms(bucket_key=False), key(), account="2" * 12), bucket(kms(), key(), account="1" * 12)]
    drift = gathered(old, new)

    assert [each.account for each in drift.changed] == ["2" * 12]
    assert drift.unchanged == 1


def test_a_bucket_of_another_owner_is_another_bucket() -> None:
    drift = gathered([SOUND], [replace(SOUND, account="4" * 12)])

    assert (len(drift.added), len(drift.removed), drift.several_accounts) == (1, 1, True)


@pytest.mark.parametrize("turned", [False, True])
def test_an_account_that_one_report_does_not_know_does_not_make_another_bucket(turned: bool) -> None:
    old, new = [SOUND], [replace(NO_BUCKET_KEY, account=None)]
    drift = gathered(new, old) if turned else gathered(old, new)

    assert (drift.added, drift.removed, drift.several_accounts) == ([], [], False)
    assert [each.comparison.direction for each in drift.changed] == [BETTER if turned else WORSE]


def test_which_of_two_accounts_is_meant_is_not_guessed() -> None:
    two = [replace(SOUND, account="1" * 12), replace(NO_BUCKET_KEY, account="2" * 12)]
    drift = gathered([replace(SOUND, account=None)], two)

    assert (len(drift.added), len(drift.removed), len(drift.changed)) == (2, 1, 0)
    with pytest.raises(UsageError, match="NEW has the bucket b twice"):
        gathered([narrow(SOUND)], two, by_account=False)


@pytest.mark.parametrize("by_account", [True, False])
@pytest.mark.parametrize("twice", [0, 1])
def test_a_report_that_has_a_bucket_twice_is_refused(by_account: bool, twice: int) -> None:
    two = [[SOUND], [SOUND]]
    two[twice].append(SSE_S3)

    with pytest.raises(UsageError, match=f"{('one', 'two')[twice]} has the bucket b twice") as refused:
        gather(*two, by_account=by_account, names=("one", "two"))

    assert refused.value.hint


def test_a_key_called_like_a_value_of_another_column_stays_what_it_is() -> None:
    """Equal texts are kept once."""
    old, new = (replace(row, mode="blocked", key_type="blocked") for row in (SOUND, NO_BUCKET_KEY))
    (change,) = gathered([old], [new]).changed

    assert [change.old, change.new] == [replace(row, bucket="", audited_at=None) for row in (old, new)]
    assert (type(change.new.mode), type(change.new.sse_c)) == (str, SseC)


@pytest.mark.parametrize(("own_keys", "most"), [(False, 0.4), (True, 1.3)])
def test_memory_is_what_is_said_of_it(own_keys: bool, most: float) -> None:
    """In KiB a bucket; each row is read from a report, with texts of its own."""
    buckets = 3000

    def rows() -> Iterator[Row]:
        for number in range(buckets):
            arn = f"{ARN[:-9]}{number if own_keys else 1:09d}"
            yield bucket(kms(arn), key(arn=arn), name=f"a-bucket-with-a-usual-name-{number}")

    tracemalloc.start()
    try:
        drift = gather(rows(), rows(), by_account=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert drift.unchanged == buckets
    assert peak / 1024 / buckets < most


def test_a_denied_question_about_a_key_is_not_confused_with_one_about_a_bucket() -> None:
    failure = Failure(Operation.DESCRIBE_KEY, "AccessDeniedException")

    assert columns(bucket(kms(), failure), DENIED)[:2] == ["default_encryption_mode", "sse_kms_key_type"]
