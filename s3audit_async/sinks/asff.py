"""AWS Security Finding Format: a JSON array of findings, each as BatchImportFindings takes it.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html; botocore model of securityhub
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from s3audit_async import __version__
from s3audit_async.errors import OutputError
from s3audit_async.model import Kind
from s3audit_async.sinks.csv import LIST_SEPARATOR
from s3audit_async.sinks.json_array import JsonArray
from s3audit_async.sinks.subjects import LONGEST_ID, clipped, fields_of, identity, subject_of
from s3audit_async.sinks.verdicts import Status, moment_of, severity_of, verdicts

if TYPE_CHECKING:
    from typing import BinaryIO

    from s3audit_async.model import Row
    from s3audit_async.sinks.verdicts import Verdict

LARGEST_FINDING = 240 * 1024
"""Bytes that a finding may have. The limits below keep each under half of that, whatever a row holds."""

_SCHEMA = "2018-10-08"
_LONGEST_TITLE = 256
_LONGEST_DESCRIPTION = 1024
_LONGEST_ADVICE = 512
_LONGEST_FIELD = 2048
_LONGEST_REGION = 16
_LONGEST_REFERENCE = 2048
_STATUS = {Status.PASS: "PASSED", Status.FAIL: "FAILED", Status.UNKNOWN: "WARNING"}
_TYPE = "Software and Configuration Checks/AWS Security Best Practices"


class AsffSink:
    """Writes ASFF findings to the binary file it was handed, as one JSON array with a finding a line.

    Raises `OutputError` for a bucket whose account is not known: a finding without one cannot be imported.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._array = JsonArray(out)
        self._now = datetime.now(UTC)

    def begin(self) -> None:
        self._array.begin()

    def write(self, row: Row) -> None:
        told = verdicts(row)
        if told and not row.account:
            raise OutputError(
                f"cannot write asff: the account of bucket {clipped(row.bucket, _LONGEST_TITLE)} is not known",
                hint="ASFF needs it: allow sts:GetCallerIdentity and audit again, or choose another format",
            )
        resource, fields = _resource(row), _product_fields(row)
        for verdict in told:
            open_too = {"s3audit/cannot_be_told": LIST_SEPARATOR.join(verdict.open)} if verdict.open else {}
            finding = _finding(row, verdict, moment_of(row, self._now))
            self._array.add({**finding, "Resources": [resource], "ProductFields": {**fields, **open_too}})

    def end(self) -> None:
        self._array.end()


def _finding(row: Row, verdict: Verdict, moment: datetime) -> dict[str, Any]:
    account = row.account
    subject = subject_of(row)
    instant = _instant(moment)
    found: dict[str, Any] = {
        "SchemaVersion": _SCHEMA,
        "Id": identity(row, verdict.finding),
        "ProductArn": f"arn:{subject.partition}:securityhub:{subject.home}:{account}:product/{account}/default",
        "GeneratorId": clipped(f"s3audit/{verdict.finding}", LONGEST_ID),
        "AwsAccountId": account,
        "Types": [_TYPE],
        "CreatedAt": instant,
        "UpdatedAt": instant,
        "Title": clipped(verdict.title, _LONGEST_TITLE),
        "Description": clipped(_description(row, verdict), _LONGEST_DESCRIPTION),
        "Compliance": {"Status": _STATUS[verdict.status]},
        "RecordState": "ACTIVE",
    }
    severity = severity_of(verdict)
    if severity is not None:
        found["Severity"] = {"Label": severity.upper()}
    if verdict.requirements:
        found["Compliance"]["RelatedRequirements"] = list(map(str, verdict.requirements))
    if verdict.entry and verdict.status is not Status.PASS:
        advice = {"Text": clipped(verdict.entry.mend, _LONGEST_ADVICE)}
        if verdict.entry.references:
            advice["Url"] = verdict.entry.references[0].url
        found["Remediation"] = {"Recommendation": advice}
    return found


def _description(row: Row, verdict: Verdict) -> str:
    entry = None if verdict.status is Status.PASS else verdict.entry
    said = entry.meaning if entry else f"{verdict.title}."
    return f"Bucket {clipped(row.bucket, _LONGEST_TITLE)}: {said}"


def _resource(row: Row) -> dict[str, Any]:
    subject = subject_of(row)
    general = row.kind is Kind.GENERAL  # the format knows no other buckets
    found: dict[str, Any] = {"Type": "AwsS3Bucket" if general else "Other", "Id": clipped(subject.arn, LONGEST_ID)}
    found["Partition"] = subject.partition
    if subject.region and len(subject.region) <= _LONGEST_REGION:
        found["Region"] = subject.region
    if not general:
        return found
    details: dict[str, Any] = {}
    if row.created is not None:
        details["CreatedAt"] = _instant(row.created)
    if row.algorithm:
        rule = {"SSEAlgorithm": clipped(row.algorithm, _LONGEST_REFERENCE)}
        if row.algorithm.startswith("aws:kms") and row.mode.strip():
            rule["KMSMasterKeyID"] = clipped(row.mode, _LONGEST_REFERENCE)
        details["ServerSideEncryptionConfiguration"] = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
    if details:
        found["Details"] = {"AwsS3Bucket": details}
    return found


def _product_fields(row: Row) -> dict[str, str]:
    """Tell what the format's own members cannot: Bucket Key, SSE-C, the key's state and all the rest."""
    texts = {"ProviderName": "s3audit", "ProviderVersion": __version__}
    for name, value in fields_of(row).items():
        text = LIST_SEPARATOR.join(value) if isinstance(value, tuple) else str(value)
        if text.strip():
            texts[f"s3audit/{name}"] = clipped(text, _LONGEST_FIELD)
    return texts


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
