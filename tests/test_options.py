from __future__ import annotations

import math
from typing import Any

import pytest

from s3audit_async.errors import UsageError
from s3audit_async.options import Options


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"max_concurrency": 1},
        {"max_concurrency": 10_000},
        {"max_attempts": 1},
        {"max_attempts": 100},
        {"timeout": 0.1},
        {"timeout": 3600.0},
        {"page_size": 1},
        {"page_size": 10_000},
        {"buckets": ("abc",)},
        {"buckets": ("a" * 255, "With.Capitals_and-all", "123")},
        {"prefix": ""},
        {"prefix": "logs/"},
        {"include_regions": frozenset({"eu-west-1", "eusc-de-east-1"})},
        {"include_regions": frozenset({"eu-west-1"}), "exclude_regions": frozenset({"eu-west-2"})},
        {"endpoint_url": "http://127.0.0.1:4566"},
        {"endpoint_url": "https://s3.example.com"},
        {"endpoint_url": "https://s3.example.com:65535/path"},
        {"endpoint_url": "HTTP://[::1]:9000"},
    ],
)
def test_values_that_can_work_are_taken(values: dict[str, Any]) -> None:
    options = Options(**values)

    assert {name: getattr(options, name) for name in values} == values


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"max_concurrency": 0}, "max_concurrency is 0"),
        ({"max_concurrency": -1}, "max_concurrency is -1"),
        ({"max_concurrency": 10_001}, "max_concurrency is 10001"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"max_attempts": 101}, "max_attempts is 101"),
        ({"timeout": 0.0}, "timeout is 0"),
        ({"timeout": 0.09}, r"timeout is 0\.09"),
        ({"timeout": 3601.0}, "timeout is 3601"),
        ({"timeout": math.inf}, "timeout is inf"),
        ({"timeout": math.nan}, "timeout is nan"),
        ({"page_size": 0}, "page_size is 0"),
        ({"page_size": 10_001}, "page_size is 10001"),
        ({"buckets": ("ab",)}, "not a bucket name: 'ab'"),
        ({"buckets": ("a" * 256,)}, "not a bucket name"),
        ({"buckets": ("good", "a/b/../c")}, "not a bucket name: 'a/b/../c'"),
        ({"buckets": ("good", "line\n")}, r"not a bucket name: 'line\\n'"),
        ({"buckets": ("häuser",)}, "not a bucket name"),
        ({"buckets": ("",)}, "not a bucket name: ''"),
        ({"include_regions": frozenset({"Frankfurt"})}, "not a region name: 'Frankfurt'"),
        ({"exclude_regions": frozenset({"eu-west-1.evil.example.com"})}, "not a region name"),
        (
            {"include_regions": frozenset({"eu-b-1", "eu-a-1"}), "exclude_regions": frozenset({"eu-a-1", "eu-b-1"})},
            "region eu-a-1, eu-b-1 is both included and excluded",
        ),
        ({"buckets": ("abc",), "prefix": "a"}, "exclude each other"),
        ({"buckets": ("abc",), "prefix": ""}, "exclude each other"),
        ({"endpoint_url": ""}, "not an endpoint URL"),
        ({"endpoint_url": "localhost:4566"}, "not an endpoint URL"),
        ({"endpoint_url": "127.0.0.1"}, "not an endpoint URL"),
        ({"endpoint_url": "ftp://localhost"}, "not an endpoint URL"),
        ({"endpoint_url": "http://"}, "not an endpoint URL"),
        ({"endpoint_url": "http://:80"}, "not an endpoint URL"),
        ({"endpoint_url": "http://localhost:http"}, "not an endpoint URL"),
        ({"endpoint_url": "http://localhost:65536"}, "not an endpoint URL"),
        ({"endpoint_url": "http://localhost:0"}, "not an endpoint URL"),
        ({"endpoint_url": "http://two words:80"}, "not an endpoint URL"),
        ({"endpoint_url": "http://[::1"}, "not an endpoint URL"),
    ],
)
def test_values_that_cannot_work_are_refused_with_a_hint(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        Options(**values)

    assert refused.value.hint


@pytest.mark.parametrize(
    ("timeout", "connect"), [(0.1, 0.1), (0.5, 0.5), (3.0, 1.0), (6.0, 1.0), (12.0, 2.0), (30.0, 5.0), (3600.0, 5.0)]
)
def test_connecting_gets_a_sixth_of_the_time_within_bounds(timeout: float, connect: float) -> None:
    assert Options(timeout=timeout).connect_timeout == pytest.approx(connect)


@pytest.mark.parametrize(
    ("include", "exclude", "wanted"),
    [
        ([], [], ["eu-west-1", "us-east-1"]),
        (["eu-west-1"], [], ["eu-west-1"]),
        ([], ["eu-west-1"], ["us-east-1"]),
        (["eu-west-1", "eu-west-2"], ["us-east-1"], ["eu-west-1"]),
        (["eu-west-2"], [], []),
    ],
)
def test_regions_are_wanted_by_inclusion_and_exclusion(
    include: list[str], exclude: list[str], wanted: list[str]
) -> None:
    options = Options(include_regions=frozenset(include), exclude_regions=frozenset(exclude))

    assert [region for region in ("eu-west-1", "us-east-1") if options.wants_region(region)] == wanted
