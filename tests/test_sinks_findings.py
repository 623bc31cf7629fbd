"""OCSF and ASFF: each event is what the models take, three states, and no requirement that was not decided."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from py_ocsf_models.objects.cloud import Cloud

from s3audit_async.errors import OutputError
from s3audit_async.findings import Finding
from s3audit_async.findings.compliance import requirements
from s3audit_async.sinks import make_sink
from s3audit_async.sinks.asff import LARGEST_FINDING
from s3audit_async.sinks.subjects import identity, subject_of
from s3audit_async.sinks.verdicts import Status, verdicts
from tests.rows import (
    ACCOUNT,
    ALL,
    BARE,
    CHINESE,
    DENIED,
    DYING,
    GONE,
    HOSTILE,
    KMS,
    LATER,
    NARROW,
    NASTY,
    SSE_S3,
    UNVERIFIED,
)

if TYPE_CHECKING:
    from s3audit_async.model import Row

PASS, FAIL, UNKNOWN = Status.PASS, Status.FAIL, Status.UNKNOWN


def written(form: str, *rows: Row) -> list[dict[str, Any]]:
    out = io.BytesIO()
    sink = make_sink(form, out, wide=False)
    sink.begin()
    for row in rows:
        sink.write(row)
    sink.end()
    events: list[dict[str, Any]] = json.loads(out.getvalue().decode())
    assert len(out.getvalue().splitlines()) == (len(events) + 2 if events else 1)
    return events


# What is said of a bucket.


@pytest.mark.parametrize(
    ("row", "told"),
    [
        pytest.param(KMS, {"sse-s3-only": PASS}, id="nothing wrong"),
        pytest.param(SSE_S3, {"sse-s3-only": FAIL, "sse-c-not-blocked": FAIL}, id="not KMS"),
        pytest.param(BARE, {"no-default-encryption": FAIL}, id="no configuration is no pass of any other"),
        pytest.param(DYING, {"sse-s3-only": PASS, "key-pending-deletion": FAIL}, id="KMS with a key that is bad"),
        pytest.param(UNVERIFIED, {"sse-s3-only": PASS, "key-not-verified": UNKNOWN}, id="a key nobody could read"),
        pytest.param(DENIED, {"encryption-unreadable": UNKNOWN}, id="a bucket nobody could read"),
        pytest.param(GONE, {}, id="a bucket that is gone"),
        pytest.param(NARROW, {"sse-s3-only": FAIL, "sse-c-not-blocked": UNKNOWN}, id="four columns"),
    ],
)
def test_a_bucket_passes_fails_or_nobody_can_tell(row: Row, told: dict[str, Status]) -> None:
    assert {each.finding: each.status for each in verdicts(row)} == told


def test_an_algorithm_that_is_not_known_passes_nothing() -> None:
    told = {each.finding: each.status for each in verdicts(LATER)}

    assert told.pop("of-a-later-version") is FAIL
    assert told["sse-s3-only"] is UNKNOWN
    assert set(told.values()) == {UNKNOWN}


def test_what_cannot_be_told_of_a_bucket_that_was_not_read_is_told_once() -> None:
    (verdict,) = verdicts(DENIED)

    assert set(verdict.open) == {
        *Finding,
    } - {"encryption-unreadable", "bucket-not-audited"}


def test_nothing_is_claimed_for_later_editions_of_cis() -> None:
    """2.1.1 is another recommendation there."""
    claimed = {str(each) for finding in Finding for each in requirements(finding)}

    assert {each for each in claimed if "CIS" in each} == {
        "CIS AWS Foundations Benchmark v1.4.0 2.1.1",
        "CIS AWS Foundations Benchmark v1.5.0 2.1.1",
    }
    assert "AWS Security Hub S3.17" in claimed
    assert not [finding for finding in Finding if finding.startswith("key-") and requirements(finding)]


def test_a_findings_identity_is_the_same_in_each_report_and_its_own_in_each_bucket() -> None:
    long = replace(SSE_S3, bucket="b" * 600)

    assert identity(SSE_S3, "sse-s3-only") == f"s3audit/aws/{ACCOUNT}/sse-s3/sse-s3-only"
    assert len(identity(long, "sse-s3-only")) == 512
    assert identity(long, "sse-s3-only") != identity(replace(long, bucket="b" * 601), "sse-s3-only")


@pytest.mark.parametrize(
    ("region", "arn", "partition"),
    [
        ("eu-west-1", None, "aws"),
        ("cn-north-1", None, "aws-cn"),
        ("us-gov-west-1", None, "aws-us-gov"),
        ("us-isob-east-1", None, "aws-iso-b"),
        ("us-iso-east-1", None, "aws-iso"),
        (None, None, "aws"),
        ("new-1", "arn:aws-new:kms:new-1:1:key/x", "aws-new"),
        ("new-1", "arn::kms:new-1:1:key/x", "aws"),
        ("new-1", "no ARN", "aws"),
    ],
)
def test_the_partition_is_that_of_the_bucket(region: str | None, arn: str | None, partition: str) -> None:
    subject = subject_of(replace(KMS, region=region, key_arn=arn, key_region=region if arn else None))

    assert subject.arn == f"arn:{partition}:s3:::kms"


# OCSF.


def test_each_event_is_what_the_models_take() -> None:
    events = written("ocsf", *ALL, NARROW)

    assert len(events) > len(ALL)
    for event in events:
        assert ComplianceFinding.model_validate(event).type_uid == 200301
        assert Cloud.model_validate(event["cloud"]).provider == "AWS"
        assert set(event) - {"cloud"} <= set(ComplianceFinding.model_fields)


def test_an_event_says_what_where_and_how_to_mend_it() -> None:
    event = next(each for each in written("ocsf", SSE_S3) if each["compliance"]["control"] == "sse-s3-only")

    assert (event["status_code"], event["compliance"]["status_id"], event["severity"]) == ("FAIL", 3, "Medium")
    assert event["time"] == 1795435200000
    assert event["cloud"]["account"]["uid"] == ACCOUNT
    assert event["resources"][0]["uid"] == "arn:aws:s3:::sse-s3"
    assert event["resources"][0]["data"]["bucket_key"] is False
    assert "AWS Security Hub S3.17" in event["compliance"]["requirements"]
    assert "aws s3api put-bucket-encryption" in event["remediation"]["desc"]
    assert event["remediation"]["references"][0].startswith("https://docs.aws.amazon.com/")


def test_what_nobody_can_tell_has_the_status_of_a_check_without_a_result() -> None:
    """The schema calls that Warning."""
    (event,) = written("ocsf", DENIED)

    assert (event["status_code"], event["compliance"]["status_id"]) == ("UNKNOWN", 2)
    assert event["status_detail"] == "GetBucketEncryption: AccessDenied"
    assert "sse-s3-only" in event["unmapped"]["cannot_be_told"]


@pytest.mark.parametrize("form", ["ocsf", "asff"])
def test_a_report_without_buckets_is_an_empty_array(form: str) -> None:
    assert written(form) == []


# ASFF.


def valid(findings: list[dict[str, Any]]) -> str:
    """What the service's own model has against an import of these."""
    model = botocore.session.get_session().get_service_model("securityhub")
    shape = model.operation_model("BatchImportFindings").input_shape
    return str(ParamValidator().validate({"Findings": findings}, shape).generate_report())


def test_each_finding_is_what_batch_import_findings_takes() -> None:
    findings = written("asff", *ALL)

    assert len(findings) > len(ALL)
    assert valid(findings) == ""
    assert valid([{"Id": 7}]) != ""


def test_the_limits_that_the_model_does_not_hold_are_kept() -> None:
    """Lengths stand in the documentation of the format only."""
    fat = replace(NASTY, bucket=HOSTILE * 9_000, mode=HOSTILE * 9_000, key_state=HOSTILE * 9_000, account=ACCOUNT)
    for found in written("asff", *ALL, fat):
        assert len(json.dumps(found).encode()) <= LARGEST_FINDING
        assert len(found["Id"]) <= 512
        assert len(found["GeneratorId"]) <= 512
        assert len(found["Title"]) <= 256
        assert len(found["Description"]) <= 1024
        assert len(found["ProductFields"]) <= 50
        assert all(len(key) <= 128 and 0 < len(text) <= 2048 for key, text in found["ProductFields"].items())
        assert len(found["Resources"][0].get("Region", "")) <= 16
        assert len(found["Resources"][0]["Id"]) <= 512
        assert len(found["Compliance"].get("RelatedRequirements", ())) <= 32
        assert len(found.get("Remediation", {}).get("Recommendation", {}).get("Text", "")) <= 512


def test_a_finding_goes_to_the_product_of_its_own_account_region_and_partition() -> None:
    (found, _), (chinese, _) = written("asff", SSE_S3), written("asff", CHINESE)

    assert found["ProductArn"] == f"arn:aws:securityhub:eu-west-1:{ACCOUNT}:product/{ACCOUNT}/default"
    assert chinese["ProductArn"] == f"arn:aws-cn:securityhub:cn-north-1:{ACCOUNT}:product/{ACCOUNT}/default"
    assert chinese["Resources"][0] | {"Details": None} == {
        "Type": "AwsS3Bucket",
        "Id": "arn:aws-cn:s3:::chinese",
        "Partition": "aws-cn",
        "Region": "cn-north-1",
        "Details": None,
    }


def test_what_the_format_has_no_member_for_is_in_the_product_fields() -> None:
    (found,) = written("asff", KMS)
    (rule,) = found["Resources"][0]["Details"]["AwsS3Bucket"]["ServerSideEncryptionConfiguration"]["Rules"]

    assert rule == {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KMS.mode}}
    assert found["ProductFields"]["s3audit/bucket_key"] == "True"
    assert found["ProductFields"]["s3audit/sse_c"] == "blocked"
    assert (found["Compliance"]["Status"], found["Severity"]) == ("PASSED", {"Label": "INFORMATIONAL"})


def test_a_status_is_failed_or_warning_never_both() -> None:
    statuses = {each["GeneratorId"]: each["Compliance"]["Status"] for each in written("asff", SSE_S3, DENIED)}

    assert statuses == {
        "s3audit/sse-s3-only": "FAILED",
        "s3audit/sse-c-not-blocked": "FAILED",
        "s3audit/encryption-unreadable": "WARNING",
    }


def test_a_finding_without_an_account_is_refused() -> None:
    with pytest.raises(OutputError, match="the account of bucket sse-s3 is not known"):
        written("asff", replace(SSE_S3, account=None))
