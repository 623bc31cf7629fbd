from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.references import (
    KeyArn,
    is_alias,
    is_host_label,
    is_predefined_alias,
    is_region,
    key_region,
    parse_key_arn,
    partition_of,
)

ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ACCOUNT = "111122223333"

hostile = st.text(alphabet="aws:kms-/*.key_ARN\n\r\t #@%evil019é", max_size=40)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{ID}", KeyArn("eu-west-1", ACCOUNT, f"key/{ID}")),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:key/mrk-1234", KeyArn("us-east-1", ACCOUNT, "key/mrk-1234")),
        (f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:alias/mine", KeyArn("cn-north-1", ACCOUNT, "alias/mine")),
        (f"arn:aws-us-gov:kms:us-gov-west-1:{ACCOUNT}:key/{ID}", KeyArn("us-gov-west-1", ACCOUNT, f"key/{ID}")),
        (f"arn:aws-eusc:kms:eusc-de-east-1:{ACCOUNT}:key/{ID}", KeyArn("eusc-de-east-1", ACCOUNT, f"key/{ID}")),
        (f"arn:aws:kms:evil.example.com/:{ACCOUNT}:key/{ID}", KeyArn("evil.example.com/", ACCOUNT, f"key/{ID}")),
        ("arn:aws:kms:::key/x", KeyArn("", "", "key/x")),
        ("arn:aws:kms:eu-west-1:1:alias/with:colons", KeyArn("eu-west-1", "1", "alias/with:colons")),
    ],
)
def test_a_kms_arn_is_taken_apart(reference: str, expected: KeyArn) -> None:
    assert parse_key_arn(reference) == expected


@pytest.mark.parametrize(
    "reference",
    [
        "",
        ID,
        "alias/mine",
        "arn",
        "arn:aws:kms",
        f"arn:aws:kms:eu-west-1:{ACCOUNT}",
        f"arn:aws:kms:eu-west-1:{ACCOUNT}:",
        f"arn:aws:s3:eu-west-1:{ACCOUNT}:key/{ID}",
        f"ARN:aws:kms:eu-west-1:{ACCOUNT}:key/{ID}",
        f" arn:aws:kms:eu-west-1:{ACCOUNT}:key/{ID}",
    ],
)
def test_what_is_no_kms_arn_is_not_taken_apart(reference: str) -> None:
    assert parse_key_arn(reference) is None


@pytest.mark.parametrize(
    "reference",
    [
        "alias/aws/s3",
        "alias/aws/ebs",
        "alias/aws/",
        "alias/aws/s3\n",
        f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/aws/s3",
        f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:alias/aws/s3",
        f"arn:aws-us-gov:kms:us-gov-west-1:{ACCOUNT}:alias/aws/s3",
        f"arn:aws:kms:evil.example.com/:{ACCOUNT}:alias/aws/s3",
        "arn:aws:kms:::alias/aws/s3",
    ],
)
def test_a_predefined_alias_is_known_in_every_form(reference: str) -> None:
    assert is_predefined_alias(reference)


@pytest.mark.parametrize(
    "reference",
    [
        "",
        ID,
        "aws/s3",
        "alias/aws",
        "alias/awesome",
        "alias/mine/aws/s3",
        "my-alias/aws/s3",
        f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/mine",
        f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/alias/aws/s3",
        "arn:aws:s3:::alias/aws/s3",
    ],
)
def test_what_only_looks_like_a_predefined_alias_is_none(reference: str) -> None:
    assert not is_predefined_alias(reference)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("alias/mine", True),
        ("alias/aws/s3", True),
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/mine", True),
        (f"arn:aws-us-gov:kms:us-gov-west-1:{ACCOUNT}:alias/mine", True),
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{ID}", False),
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/alias/mine", False),
        (ID, False),
        ("my-alias/x", False),
        ("", False),
    ],
)
def test_an_alias_is_told_from_a_key(reference: str, expected: bool) -> None:
    assert is_alias(reference) is expected


def test_each_region_that_the_sdk_knows_is_of_the_partition_that_its_name_tells() -> None:
    known = json.loads((files("botocore") / "data" / "partitions.json").read_text())["partitions"]
    regions = {region: each["id"] for each in known for region in each["regions"] if not region.startswith("aws-")}
    assert {"aws", "aws-cn", "aws-us-gov", "aws-iso-b"} <= set(regions.values())
    assert {region: partition_of(region) or "aws" for region in regions} == regions
    assert (partition_of(None), partition_of(""), partition_of("RegionOne")) == (None, None, None)


@pytest.mark.parametrize(
    "name",
    [
        "garage",
        "us-east-1",
        "eu-central-2",
        "us-gov-west-1",
        "us-isob-east-1",
        "eusc-de-east-1",
        "new-place-12",
        "a-" + 30 * "b",
    ],
)
def test_a_regions_name_needs_only_the_form_of_one(name: str) -> None:
    assert is_region(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "US-EAST-1",
        "us_east_1",
        "us--east-1",
        "-us-east-1",
        "us-east-1-",
        "us-east-1\n",
        " us-east-1",
        "us-east-1.evil.example.com",
        "evil.example.com/",
        "us-east-1/",
        "us-east-1#",
        "us-east-1@evil",
        "us-east-1:80",
        "üs-east-1",
        "us-east-١",  # noqa: RUF001 - an Arabic digit one is the point
        "a-" + 31 * "b",
    ],
)
def test_what_could_change_a_host_name_is_no_region(name: str) -> None:
    assert not is_region(name)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (f"arn:aws:kms:ap-south-1:{ACCOUNT}:key/{ID}", "ap-south-1"),
        (f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:alias/mine", "cn-north-1"),
        (ID, "eu-west-1"),
        ("alias/mine", "eu-west-1"),
        ("", "eu-west-1"),
        ("arn:aws:kms:::key/x", "eu-west-1"),
        (f"arn:aws:kms:evil.example.com/:{ACCOUNT}:key/{ID}", "eu-west-1"),
        (f"arn:aws:kms:ap-south-1.evil.example.com:{ACCOUNT}:key/{ID}", "eu-west-1"),
        (f"arn:aws:kms:AP-SOUTH-1:{ACCOUNT}:key/{ID}", "eu-west-1"),
    ],
)
def test_a_key_is_asked_for_where_its_arn_says_else_where_the_bucket_is(reference: str, expected: str) -> None:
    assert key_region(reference, "eu-west-1") == expected


@settings(deadline=None)
@given(region=hostile, resource=hostile)
def test_configured_text_never_becomes_part_of_a_host_name(region: str, resource: str) -> None:
    asked = key_region(f"arn:aws:kms:{region}:{ACCOUNT}:{resource}", "eu-west-1")

    assert is_region(asked)


@settings(deadline=None)
@given(reference=st.text() | hostile | hostile.map("arn:".__add__))
def test_any_text_at_all_can_be_judged(reference: str) -> None:
    predefined = is_predefined_alias(reference)

    assert is_region(key_region(reference, "eu-west-1"))
    assert is_alias(reference) or not predefined


@pytest.mark.parametrize("name", ["us-east-1", "RegionOne", "default", "US", "a" * 63])
def test_what_a_store_calls_a_region_may_be_part_of_a_host_name(name: str) -> None:
    assert is_host_label(name)


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "a b", "-a", "a-", "123", "a" * 64, "a\n", "ä"])
def test_what_cannot_be_one_part_of_a_host_name_is_told(name: str) -> None:
    assert not is_host_label(name)
