"""The benchmarks on moto: the target, both questions that use it, and how other tools are called and read."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from benchmarks.contenders.checking import check_report
from benchmarks.moto_target import MotoProcess, moto_account
from benchmarks.moto_target.counting import operation_of
from benchmarks.peers.running import environment, run_tool
from benchmarks.peers.tools import (
    CUSTODIAN,
    CUSTODIAN_LEAN,
    PROWLER,
    S3AUDIT,
    custodian_verdicts,
    prowler_verdicts,
    set_up,
)
from benchmarks.peers.verdicts import Judgement, Verdict, judge
from benchmarks.questions import moto, peers
from benchmarks.stub import StubAccount, StubBucket, StubRule, synthetic
from benchmarks.suite.question import BenchmarkError, Size
from tests.command import s3audit

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKETS, KEYS, LOCATIONS = 60, 10, 3
ACCOUNT = moto_account(BUCKETS, KEYS, LOCATIONS)
SCOPE = "AWS4-HMAC-SHA256 Credential=AKIA/20240102/eu-west-1/{}/aws4_request, SignedHeaders=host"
FOUR = StubAccount(
    buckets=[
        StubBucket("kms", rules=(StubRule("aws:kms"),)),
        StubBucket("layers", rules=(StubRule("aws:kms:dsse"),)),
        StubBucket("none", rules=None),
        StubBucket("s3", rules=(StubRule("AES256"),)),
    ]
)
PROWLER_FINDINGS = """[
  {"status_code": "PASS", "metadata": {"event_code": "s3_bucket_default_encryption"},
   "resources": [{"name": "kms", "region": "eu-west-1", "uid": "arn:aws:s3:::kms"}]},
  {"status_code": "PASS", "metadata": {"event_code": "s3_bucket_kms_encryption"},
   "resources": [{"name": "kms", "region": "eu-west-1", "uid": "arn:aws:s3:::kms"}]},
  {"status_code": "FAIL", "metadata": {"event_code": "s3_bucket_default_encryption"},
   "resources": [{"name": "none", "region": "us-east-1", "uid": "arn:aws:s3:::none"}]},
  {"status_code": "PASS", "metadata": {"event_code": "s3_bucket_kms_encryption"},
   "resources": [{"name": "none", "region": "us-east-1", "uid": "arn:aws:s3:::none"}]},
  {"status_code": "PASS", "metadata": {"event_code": "s3_bucket_default_encryption"},
   "resources": [{"name": "s3", "region": "us-east-1", "uid": "arn:aws:s3:::s3"}]}
]"""
CUSTODIAN_MATCHES = """[
  {"Name": "kms", "Location": {"LocationConstraint": "eu-west-1"}, "Tags": [],
   "c7n:bucket-encryption": {"ServerSideEncryptionConfiguration": {"Rules": [
     {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": true}]}}}
]"""


@pytest.fixture(scope="module")
def target() -> Iterator[MotoProcess]:
    """A small account on moto."""
    with MotoProcess(buckets=BUCKETS, keys=KEYS, regions=LOCATIONS) as process:
        yield process


def numbers(content: object) -> Iterator[float]:
    """Every number in JSON, however deep."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for value in content:
            yield from numbers(value)
    elif isinstance(content, int | float):
        yield content


def through_json(findings: object) -> Any:
    """What a question finds again in the results file."""
    return json.loads(json.dumps(findings))


def quiet(_: str) -> None:
    """Be told nothing."""


def test_the_target_serves_the_account_and_counts_the_calls(target: MotoProcess, tmp_path: Path) -> None:
    """Each row of an audit is right, and each call is counted, by operation."""
    target.reset_stats()
    done = s3audit("run", "--endpoint-url", target.url, "-o", tmp_path / "r.csv")
    assert done.returncode == 0, done.stderr
    check_report(tmp_path / "r.csv", ACCOUNT)
    stats: dict[str, Any] = target.stats()
    assert stats["calls"].pop("GetCallerIdentity", 0) <= 1
    assert stats["calls"] == {
        "ListBuckets": 1,
        "GetBucketEncryption": BUCKETS,
        "DescribeKey": len(ACCOUNT.lookups()),
    }
    assert stats["peak_in_flight"] >= 1
    assert stats["cpu_seconds"] > 0
    assert target.reset_stats()["calls"] == {}


def test_the_account_is_the_synthetic_one_as_far_as_moto_can_hold_it() -> None:
    """Names, regions, algorithms and keys stay; moto has a Bucket Key setting always, and blocked types never."""
    whole = synthetic(BUCKETS, KEYS, LOCATIONS, account_id=ACCOUNT.id)
    for bucket, held in zip(whole.index, ACCOUNT.index, strict=True):
        if not bucket.rules:
            assert held == replace(bucket, rules=None)
            continue
        (rule,), (kept,) = bucket.rules, held.rules or ()
        assert held == replace(bucket, rules=(kept,))
        assert kept == replace(rule, bucket_key=rule.bucket_key or False, blocked=None)
    algorithms = {bucket.rules[0].algorithm if bucket.rules else None for bucket in ACCOUNT.index}
    assert algorithms == {None, "AES256", "aws:kms", "aws:kms:dsse", "aws:fsx"}
    assert {"CUSTOMER", "AWS", "KeyNotFound", "N/A"} == {
        ACCOUNT.expected(bucket.name).key_type for bucket in ACCOUNT.index
    }


def test_the_target_answers_what_other_tools_ask_besides(target: MotoProcess) -> None:
    """moto's other services are there, for the account that is audited."""
    target.reset_stats()
    connection = HTTPConnection(urlsplit(target.url).netloc, timeout=30)
    body = "Action=DescribeRegions&Version=2016-11-15"
    headers = {"Authorization": SCOPE.format("ec2"), "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert b"eu-west-1" in answer.read()
    connection.close()
    assert target.stats()["calls"] == {"DescribeRegions": 1}


@pytest.mark.parametrize("how", ["stdin", "SIGTERM"])
def test_the_target_ends_with_its_parent_and_when_it_is_told_to(how: str) -> None:
    """Neither leaves a process, and both are a clean end."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.moto_target", "--buckets", "2", "--keys", "1", "--regions", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"http://127.0.0.1:")
        if how == "SIGTERM":
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said == b""


@pytest.mark.parametrize(
    ("service", "request_", "name"),
    [
        ("s3", {"PATH_INFO": "/", "QUERY_STRING": "max-buckets=10"}, "ListBuckets"),
        ("s3", {"PATH_INFO": "/b", "QUERY_STRING": "encryption"}, "GetBucketEncryption"),
        ("s3", {"PATH_INFO": "/b", "QUERY_STRING": "location="}, "GetBucketLocation"),
        ("s3", {"PATH_INFO": "/b", "QUERY_STRING": "tagging"}, "s3 GET tagging"),
        ("s3", {"PATH_INFO": "/b", "REQUEST_METHOD": "HEAD"}, "s3 HEAD"),
        ("kms", {"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "TrentService.DescribeKey"}, "DescribeKey"),
        ("account", {"REQUEST_METHOD": "POST", "PATH_INFO": "/listRegions"}, "account POST /listRegions"),
    ],
)
def test_a_call_is_counted_by_its_operation(service: str, request_: dict[str, str], name: str) -> None:
    """In whichever way its protocol says it."""
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": "", "wsgi.input": BytesIO()}
    assert operation_of({**environ, "HTTP_AUTHORIZATION": SCOPE.format(service), **request_}) == name


def test_the_moto_question_can_be_measured_and_answered() -> None:
    """All four audit the account, which they do only if every row is right, and each has its figures."""
    findings = through_json(moto.QUESTION.measure(Size.SMOKE, quiet))
    assert list(findings["runs"]) == ["original", "threads", "aiobotocore", "s3audit"]
    assert all(math.isfinite(value) for value in numbers(findings))
    course = findings["course"]
    (own,) = findings["runs"]["s3audit"]
    account = moto_account(course["buckets"], course["keys"], course["regions"])
    assert own["calls"]["GetBucketEncryption"] == course["buckets"]
    assert own["calls"]["DescribeKey"] == len(account.lookups())
    assert own["connections"] > 0
    assert own["peak_in_flight"] <= course["concurrency"]
    answer = moto.QUESTION.answer(findings)
    assert all(f"| `{name}` " in answer.text for name in findings["runs"])
    assert [plot.name for plot in answer.plots] == ["moto-wall", "moto-rate"]
    assert len(answer.targets) == 1


def test_the_peers_question_can_be_measured_and_answered_with_whoever_is_there() -> None:
    """With s3audit alone, here: its rows are right, and its figures are those of two accounts."""
    findings = through_json(peers.measure(Size.SMOKE, [S3AUDIT], quiet))
    assert all(math.isfinite(value) for value in numbers(findings))
    ((fewer,), (more,)) = findings["runs"]["s3audit"]
    assert 0 < fewer["buckets"] < more["buckets"]
    for run in (fewer, more):
        assert (run["right"], run["wrong"], run["lost"]) == (run["buckets"], 0, 0)
        assert run["calls"]["GetBucketEncryption"] == run["buckets"]
    findings["versions"]["prowler"] = "5.0.0"
    findings["runs"]["prowler"] = [[{**fewer, "wrong": 1}], [{**more, "right": 20, "wrong": 3, "lost": 1}]]
    answer = peers.QUESTION.answer(findings)
    assert [line.split()[-6:-1] for line in answer.text.splitlines() if line.startswith("| `prowler`")] == [
        ["20", "|", "3", "|", "1"]
    ]
    assert [plot.name for plot in answer.plots] == ["peers-calls", "peers-cpu"]
    assert answer.plots[1].log_y


def test_the_peers_question_says_how_the_peers_are_set_up() -> None:
    """As long as none is there; one is enough."""
    assert peers.QUESTION.needs() == (None if set_up() else "make bench-peers sets up Prowler and Cloud Custodian")
    assert set_up([S3AUDIT, replace(PROWLER, python=Path("no-such-python"))]) == (S3AUDIT,)


def test_prowler_is_called_for_two_checks_and_writes_into_the_folder(tmp_path: Path) -> None:
    """The endpoint is in its environment."""
    program, provider, *options = PROWLER.command(tmp_path, "http://127.0.0.1:1")
    assert Path(program).parent == PROWLER.python.parent
    assert provider == "aws"
    where = options.index("--check")
    assert options[where + 1 : where + 3] == ["s3_bucket_default_encryption", "s3_bucket_kms_encryption"]
    assert options[options.index("--output-directory") + 1] == str(tmp_path)


@pytest.mark.parametrize(("tool", "query"), [(CUSTODIAN, None), (CUSTODIAN_LEAN, [{"augment-keys": "none"}])])
def test_custodian_is_called_with_a_policy_and_without_its_cache(
    tool: Any, query: list[dict[str, str]] | None, tmp_path: Path
) -> None:
    """The policy looks for buckets with KMS."""
    program, verb, *options = tool.command(tmp_path, "http://127.0.0.1:1")
    assert Path(program).parent == CUSTODIAN.python.parent
    assert verb == "run"
    assert options[options.index("--cache-period") + 1] == "0"
    (policy,) = json.loads(Path(options[-1]).read_text())["policies"]
    assert policy["resource"] == "aws.s3"
    assert policy["filters"] == [{"type": "bucket-encryption", "state": True, "crypto": "aws:kms"}]
    assert policy.get("query") == query


def test_a_tool_sees_the_target_and_nothing_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this process's is handed on, and all traffic but the loopback interface's leads nowhere."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    given = environment(tmp_path, "http://127.0.0.1:1")
    assert "AWS_PROFILE" not in given
    assert given["HOME"] == str(tmp_path)
    assert given["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert given["AWS_EC2_METADATA_DISABLED"] == "true"
    assert given["AWS_SHARED_CREDENTIALS_FILE"] == given["AWS_CONFIG_FILE"] == os.devnull
    assert given["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert given["NO_PROXY"] == "127.0.0.1"


def test_prowlers_findings_are_read_by_check() -> None:
    """A check that says nothing of a bucket is no verdict."""
    said = prowler_verdicts(json.loads(PROWLER_FINDINGS))
    assert said == {"kms": Verdict(True, True), "none": Verdict(False, True), "s3": Verdict(True, None)}
    assert judge(FOUR, said) == Judgement(right=2, wrong=1, lost=1)


def test_custodians_matches_are_the_buckets_with_kms() -> None:
    """What it does not match has none, by its word; that it has no word for two layers is a wrong verdict."""
    said = custodian_verdicts(json.loads(CUSTODIAN_MATCHES), ["kms", "layers", "none", "s3"])
    assert said["kms"] == Verdict(None, True)
    assert said["layers"] == Verdict(None, False)
    assert judge(FOUR, said) == Judgement(right=3, wrong=1, lost=0)


def test_a_wrong_row_of_ours_ends_the_question(target: MotoProcess) -> None:
    """It says who was wrong, about which bucket."""
    liar = (
        "import sys; open(sys.argv[1], 'w').write('Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\\n')"
    )
    wrong = replace(S3AUDIT, command=lambda folder, _: [sys.executable, "-c", liar, str(folder / "report.csv")])
    with pytest.raises(BenchmarkError, match=f"s3audit: .*{BUCKETS} buckets have no row, synthetic-0000000 first"):
        run_tool(wrong, target, ACCOUNT)


def test_a_tool_that_is_wrong_is_counted_and_one_that_dies_is_told(target: MotoProcess) -> None:
    """A peer's wrong word is a finding; without a report there is none."""
    matched = "import os; os.mkdir('kms-encrypted'); open('kms-encrypted/resources.json', 'w').write('[]')"
    run = run_tool(replace(CUSTODIAN, command=lambda *_: [sys.executable, "-c", matched]), target, ACCOUNT)
    assert run.right + run.wrong == BUCKETS
    assert run.wrong > 0
    assert run.calls == {}
    with pytest.raises(BenchmarkError, match="custodian ended with status 1: no endpoint"):
        run_tool(replace(CUSTODIAN, command=lambda *_: [sys.executable, "-c", "exit('no endpoint')"]), target, ACCOUNT)
    with pytest.raises(BenchmarkError, match="prowler: FileNotFoundError"):
        run_tool(replace(PROWLER, command=lambda *_: [sys.executable, "-c", "pass"]), target, ACCOUNT)
