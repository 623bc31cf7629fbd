"""The tools: how each is called on an endpoint, as anybody would call it, and how what it writes is read."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.checking import check_report
from benchmarks.contenders.course import ROOT
from benchmarks.peers.verdicts import Judgement, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.stub import StubAccount

_REPORT = "report.csv"
_DEFAULT_CHECK, _KMS_CHECK = "s3_bucket_default_encryption", "s3_bucket_kms_encryption"
_POLICY = "kms-encrypted"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool.

    - `python`: the interpreter that has it; none there: it is not set up.
    - `distribution`: the package whose version is told.
    - `command(folder, url)`: what to run. Writes what the tool reads into `folder`, an empty one, where the tool also
      runs and leaves its report.
    - `judged(folder, account)`: reads the report, and says how far it is right. Raises `WrongReportError` where
      anything wrong in it ends the benchmark; KeyError, ValueError or OSError if it cannot be read.
    """

    name: str
    python: Path
    distribution: str
    command: Callable[[Path, str], Sequence[str]]
    judged: Callable[[Path, StubAccount], Judgement]


def _s3audit(folder: Path, url: str) -> Sequence[str]:
    return [sys.executable, "-m", "s3audit_async", "run", "--endpoint-url", url, "-o", str(folder / _REPORT), "-q"]


def _judged_by_row(folder: Path, account: StubAccount) -> Judgement:
    check_report(folder / _REPORT, account)
    return Judgement(len(account.index), 0, 0)


_PROWLER = ROOT / ".venv-prowler" / "bin"
_CUSTODIAN = ROOT / ".venv-custodian" / "bin"


def _prowler(folder: Path, url: str) -> Sequence[str]:
    del url  # which is in the environment
    checks = ["--check", _DEFAULT_CHECK, _KMS_CHECK]
    report = ["--output-formats", "json-ocsf", "--output-directory", str(folder), "--output-filename", "report"]
    # Without -z the exit code says that a check failed, which some of them shall.
    return [str(_PROWLER / "prowler"), "aws", *checks, *report, "-z", "--no-banner", "--no-color"]


def _judged_by_findings(folder: Path, account: StubAccount) -> Judgement:
    findings = json.loads((folder / "report.ocsf.json").read_text(encoding="utf-8"))
    return judge(account, prowler_verdicts(findings))


def prowler_verdicts(findings: Sequence[Any]) -> dict[str, Verdict]:
    """Read Prowler's findings, in OCSF: one for each check and bucket, which passes or fails."""
    said: dict[str, dict[str, bool]] = {}
    for finding in findings:
        (bucket,) = finding["resources"]
        check = finding["metadata"]["event_code"]
        said.setdefault(bucket["name"], {})[check] = finding["status_code"] == "PASS"
    return {name: Verdict(checks.get(_DEFAULT_CHECK), checks.get(_KMS_CHECK)) for name, checks in said.items()}


def _custodian(*query: dict[str, Any]) -> Callable[[Path, str], Sequence[str]]:
    policy: dict[str, Any] = {
        "name": _POLICY,
        "resource": "aws.s3",
        "filters": [{"type": "bucket-encryption", "state": True, "crypto": "aws:kms"}],
    }
    if query:
        policy["query"] = list(query)

    def command(folder: Path, url: str) -> Sequence[str]:
        del url  # which is in the environment
        path = folder / "policy.json"
        path.write_text(json.dumps({"policies": [policy]}), encoding="utf-8")
        return [str(_CUSTODIAN / "custodian"), "run", "-s", str(folder), "--cache-period", "0", str(path)]

    return command


def _judged_by_matches(folder: Path, account: StubAccount) -> Judgement:
    matched = json.loads((folder / _POLICY / "resources.json").read_text(encoding="utf-8"))
    return judge(account, custodian_verdicts(matched, [bucket.name for bucket in account.index]))


def custodian_verdicts(matched: Sequence[Any], names: Sequence[str]) -> dict[str, Verdict]:
    """Read the buckets that Custodian's policy matched: those use KMS, says it by that, and the others do not."""
    with_kms = {bucket["Name"] for bucket in matched}
    return {name: Verdict(None, name in with_kms) for name in names}


S3AUDIT = Tool("s3audit", Path(sys.executable), "s3audit-async", _s3audit, _judged_by_row)
PROWLER = Tool("prowler", _PROWLER / "python", "prowler", _prowler, _judged_by_findings)
CUSTODIAN = Tool("custodian", _CUSTODIAN / "python", "c7n", _custodian(), _judged_by_matches)
CUSTODIAN_LEAN = Tool(
    "custodian-lean", _CUSTODIAN / "python", "c7n", _custodian({"augment-keys": "none"}), _judged_by_matches
)
PEERS = (PROWLER, CUSTODIAN, CUSTODIAN_LEAN)


def set_up(tools: Sequence[Tool] = PEERS) -> tuple[Tool, ...]:
    """Give those of the tools that are there."""
    return tuple(tool for tool in tools if tool.python.exists())
