"""What is refused before a run because it would lose a file or reach nobody, and what happens where nobody watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.stub import StubAccount, StubAws, StubBucket
from s3audit_async.cli.outcome import anybody_there
from s3audit_async.cli.proxies import check_proxies
from s3audit_async.errors import UsageError
from s3audit_async.output.replacing import check_replaceable, is_report
from tests.command import s3audit
from tests.reports import HEADER

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("start", "ours"),
    [
        (b"", True),
        (HEADER.encode(), True),
        (HEADER.encode() + b",Account,Region\r\n", True),
        (b"\xef\xbb\xbf" + HEADER.encode(), True),
        (b'{"bucket_name": "a"', True),
        (b"PAR1\x15\x04", True),
        (b"[]\n", True),
        (b'[\n{"ProductName":"s3audit"', True),
        (b'[\n{"name":"somebody"', False),
        (b"# Default encryption of S3 buckets\n", True),
        (b"# Notes\n", False),
        (b"yesterday", False),
        (b"Bucket Name,Owner\r\n", False),
        (b'{"Version": "2012-10-17"', False),
    ],
)
def test_a_report_is_told_by_how_it_begins(start: bytes, ours: bool) -> None:
    assert is_report(start) is ours


def test_a_report_takes_the_place_of_a_report_only(tmp_path: Path) -> None:
    report, notes, link, lost = (tmp_path / name for name in ("r.csv", "notes.txt", "link", "lost"))
    report.write_text(HEADER)
    notes.write_text("mine")
    link.symlink_to(report)
    lost.symlink_to(tmp_path / "nowhere")
    for place in (
        None,
        "-",
        str(report),
        str(tmp_path),
        str(tmp_path / "new.csv"),
        "/dev/null",
        f"{tmp_path}/no/r.csv",
    ):
        check_replaceable(place)
    for path, said in ((notes, "no report of s3audit"), (link, "symbolic link"), (lost, "symbolic link")):
        with pytest.raises(UsageError, match=said) as refused:
            check_replaceable(str(path))
        assert refused.value.hint


@pytest.mark.parametrize(
    ("variables", "endpoint", "named"),
    [
        ({}, None, None),
        ({"HTTPS_PROXY": "http://proxy:1"}, None, None),
        ({"HTTPS_PROXY": "socks5://proxy:1"}, None, "HTTPS_PROXY"),
        ({"https_proxy": "SOCKS5H://proxy:1"}, None, "https_proxy"),
        ({"HTTP_PROXY": "socks5://proxy:1"}, None, None),
        ({"ALL_PROXY": "socks5://proxy:1"}, None, None),
        ({"HTTP_PROXY": "socks5://proxy:1"}, "http://s3.example.com", "HTTP_PROXY"),
        ({"HTTPS_PROXY": "socks5://proxy:1"}, "http://s3.example.com", None),
        ({"HTTPS_PROXY": "socks5://proxy:1", "NO_PROXY": "amazonaws.com"}, None, None),
        ({"HTTPS_PROXY": "socks5://proxy:1", "NO_PROXY": "example.com"}, "https://s3.example.com", None),
        ({"HTTPS_PROXY": "socks5://proxy:1"}, "https://[::1", None),
    ],
)
def test_a_socks_proxy_that_requests_would_go_through_is_named(
    variables: dict[str, str], endpoint: str | None, named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if named is None:
        check_proxies(endpoint)
        return
    with pytest.raises(UsageError, match=f"^{named} is a SOCKS proxy"):
        check_proxies(endpoint)


@pytest.mark.parametrize(
    ("ci", "there"), [(None, True), ("", True), ("false", True), ("False", True), ("true", False), ("1", False)]
)
def test_in_ci_nobody_watches(ci: str | None, there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even at a terminal, which some of those services have."""

    class Terminal:
        closed = False

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stderr", Terminal())
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    assert anybody_there() is there


def test_figures_that_cannot_be_written_are_no_success(tmp_path: Path) -> None:
    """4, with the report whole; what would have been wrong without them stays what it is."""
    with StubAws(StubAccount(buckets=[StubBucket("one")])) as stub:
        done = s3audit(
            *("run", "--endpoint-url", stub.url, "-q", "-o", tmp_path / "r.csv", "--stats", "/dev/full"), cwd=tmp_path
        )
    assert done.returncode == 4
    assert "cannot write the figures to /dev/full: No space left on device" in done.stderr
    assert (tmp_path / "r.csv").read_text().count("\n") == 2
