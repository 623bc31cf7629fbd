"""Writes the remediation plan of a finished report: a shell script to be read, corrected and run by a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3audit_async.assessment import assess, is_gone
from s3audit_async.errors import UsageError
from s3audit_async.findings.mending import plan, variable
from s3audit_async.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

    from s3audit_async.model import Row

_HEAD = """\
#!/bin/sh
# Remediation plan, written by s3audit from a report. s3audit has changed nothing; this script does, if you run it.
#
# Read it first, and take out what you do not want. For each bucket it sets the default encryption to SSE-KMS with a
# customer managed key and a Bucket Key (DSSE-KMS stays that), and blocks SSE-C. Keys that are disabled it enables, and
# where KMS is about to delete a key, it cancels the deletion. Before that, make sure that
# - everyone who reads or writes the bucket may use the key: kms:Decrypt, kms:GenerateDataKey;
# - nobody writes with SSE-C;
# - nobody has disabled a key, or had it deleted, on purpose.
# A key of another account is left as it is: that may well be meant.
# Objects that are in a bucket already stay as they are until they are copied.
#
# It ends at the first call that fails. Calls for buckets can be made again; cancel-key-deletion is refused for a key
# that is not about to be deleted any more. What changed since the report was made is overwritten.
set -eu
export AWS_PAGER=
"""
_KEYS = """
# The ARN of the key to use in each region, such as {variable}=arn:...:key/... sh plan.sh
"""
_CHECK = """\
is_key_of() {
  case $2 in
    *[!A-Za-z0-9:/_-]*) ;;
    arn:*:kms:"$1":*:key/*) return 0 ;;
  esac
  printf '%s\\n' "not the ARN of a KMS key in $1: $2" >&2
  exit 2
}
"""
_NOT_WIDE = "a report of four columns does not hold what a plan needs: regions, key ARNs, SSE-C"


@dataclass(slots=True)
class Counted:
    """What became of the buckets of a report; each is in one of the counts below `buckets`."""

    buckets: int = 0
    planned: int = 0
    """Calls stand there for them; some of their findings may be left to a person all the same."""
    left: int = 0
    """Have findings, and none that a call could mend."""
    undecided: int = 0
    """The report does not hold their configuration: not read, or of a kind that this version does not know."""
    sound: int = 0
    """Have no findings, and nothing is unknown of them."""
    unsure: int = 0
    """Have no findings as far as the report tells, and there are some of which it does not."""
    gone: int = 0
    """Were deleted when they were audited."""
    key_regions: tuple[str, ...] = ()
    """The regions in which a key must be named."""


def write_plan(rows: Callable[[], Iterable[Row]], out: TextIO) -> Counted:
    """Write the plan of a report that is read twice; memory grows with the number of regions and keys only.

    Raises `UsageError`, before anything is written, for a report of four columns.
    """
    counted = _count(rows())
    out.write(_HEAD)
    if counted.key_regions:
        out.write(_KEYS.format(variable=variable(counted.key_regions[0])))
        out.writelines(
            f': "${{{variable(region)}:?the ARN of the key to use in {region}}}"\n' for region in counted.key_regions
        )
        out.write(_CHECK)
        out.writelines(f'is_key_of {region} "${variable(region)}"\n' for region in counted.key_regions)
    revived: set[str] = set()
    for row in rows():
        out.writelines(_lines(row, revived))
    out.write(f"\n# {counted.planned} of {counted.buckets} buckets planned, {counted.sound} without findings,")
    out.write(f" {counted.unsure} without findings but with something unknown, {counted.left} left to you,")
    out.write(f" {counted.undecided} not planned as they are unknown, {counted.gone} gone.\n")
    return counted


def _count(rows: Iterable[Row]) -> Counted:
    counted = Counted()
    regions = set()
    for row in rows:
        if row.findings is None:
            raise UsageError(_NOT_WIDE, hint="make one with 's3audit run --wide', or with --format jsonl")
        counted.buckets += 1
        if is_gone(row):
            counted.gone += 1
            continue
        planned = plan(row)
        if planned is None:
            counted.undecided += 1
        elif planned.call or planned.key_calls:
            counted.planned += 1
            if planned.key_region:
                regions.add(planned.key_region)
        elif (assessed := assess(row)).found:
            counted.left += 1
        elif assessed.unknown:
            counted.unsure += 1
        else:
            counted.sound += 1
    counted.key_regions = tuple(sorted(regions))
    return counted


def _lines(row: Row, revived: set[str]) -> list[str]:
    """Make a bucket's part of the script; `revived` holds the calls for keys that stand further up."""
    found = row.findings or ()
    if is_gone(row):
        return []
    planned = plan(row)
    if planned is None:
        why = ", ".join(found) or f"{row.algorithm} is not known to this version"
        return [f"\n# {printable(row.bucket)}: {printable(why)}\n# Not planned: the report does not tell enough.\n"]
    if not found:
        return []
    lines = [f"\n# {printable(row.bucket)}: {printable(', '.join(found))}\n"]
    if row.key_deletion_date:
        lines.append(f"# KMS deletes its key on {row.key_deletion_date:%Y-%m-%d}.\n")
    if planned.left:
        lines.append(f"# Left to you: {printable(', '.join(planned.left))}\n")
    for call in planned.key_calls:
        if call not in revived:
            lines.append(f"{call}\n")
            revived.add(call)
    if planned.call:
        lines.append(f"{planned.call}\n")
    return lines
