from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from s3audit_async.analysis.policy import BUILT_IN, Outcome, PolicyCheck, Standing, parse_policy
from s3audit_async.analysis.policy.checking import Concern
from s3audit_async.cli.outcome import ExitCode, use_log_format
from s3audit_async.cli.policy import LARGEST, exit_code, load, next_steps, print_verdict
from s3audit_async.errors import UsageError
from s3audit_async.model import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TODAY = date(2026, 11, 24)
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def compliant(name: str = "good") -> Row:
    return Row(name, KEY, "CUSTOMER", bucket_key=True, algorithm="aws:kms", key_state="Enabled", findings=())


def violating(name: str = "bad", finding: str = "sse-s3-only") -> Row:
    return Row(name, "AES256", "N/A", bucket_key=False, algorithm="AES256", findings=(finding,))


def unreadable(name: str = "dark") -> Row:
    return Row(name, "AccessDenied", "Unknown", bucket_key=None, findings=("encryption-unreadable",))


def gone(name: str = "gone") -> Row:
    return Row(name, "NoSuchBucket", "Unknown", bucket_key=None, findings=())


def checked(rows: Iterable[Row], text: str = BUILT_IN["aws-fsbp"]) -> PolicyCheck:
    check = PolicyCheck(parse_policy(text, "ours"), today=TODAY)
    for row in rows:
        check.add(row)
    return check


def exception(buckets: str = "bad*", findings: str = "sse-s3-only", expires: date = TODAY + timedelta(days=300)) -> str:
    return f'[[exception]]\nbuckets = "{buckets}"\nfindings = "{findings}"\nreason = "Ticket 1."\nexpires = {expires}\n'


OUTCOMES: dict[str, tuple[list[Row], Outcome, ExitCode]] = {
    "no bucket": ([], Outcome.PASSED, ExitCode.COMPLETE),
    "all comply": ([compliant(), gone()], Outcome.PASSED, ExitCode.COMPLETE),
    "one violates": ([compliant(), violating()], Outcome.VIOLATED, ExitCode.POLICY_VIOLATED),
    "one cannot be read": ([compliant(), unreadable()], Outcome.INCOMPLETE, ExitCode.INCOMPLETE),
    "a violation counts more than what is unknown": (
        [unreadable(), violating(), unreadable()],
        Outcome.VIOLATED,
        ExitCode.POLICY_VIOLATED,
    ),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_the_outcome_and_its_exit_code(case: str) -> None:
    rows, outcome, code = OUTCOMES[case]
    check = checked(rows)
    assert check.outcome is outcome
    assert exit_code(check.outcome) is code


def test_excepted_buckets_pass() -> None:
    check = checked([violating(), compliant()], BUILT_IN["aws-fsbp"] + exception())
    assert check.outcome is Outcome.PASSED
    assert check.standings == {Standing.EXCEPTED: 1, Standing.PASS: 1}
    assert check.excepted["sse-s3-only"].first == ["bad"]


def test_buckets_are_counted_all_and_named_ten_by_finding() -> None:
    check = checked([violating(f"bad-{number}") for number in range(1000)])
    assert check.failing["sse-s3-only"].count == check.violating.count == 1000
    assert check.failing["sse-s3-only"].first == [f"bad-{number}" for number in range(10)]


def test_findings_stand_in_the_catalogue_s_order() -> None:
    check = checked(
        [violating("a", "key-disabled"), violating("b", "sse-s3-only"), violating("c", "no-default-encryption")],
        BUILT_IN["customer-key"],
    )
    assert list(check.failing) == ["no-default-encryption", "sse-s3-only", "key-disabled"]


@pytest.mark.parametrize(
    ("days", "concern"), [(-1, Concern.EXPIRED), (0, Concern.EXPIRING), (30, Concern.EXPIRING), (31, None)]
)
def test_an_exception_that_ends_within_30_days_is_noted(days: int, concern: Concern | None) -> None:
    check = checked(
        [violating("bad-1"), violating("bad-2"), violating("other")],
        BUILT_IN["aws-fsbp"] + exception(expires=TODAY + timedelta(days=days)),
    )
    assert [(note.concern, note.buckets.count) for note in check.notes] == ([] if concern is None else [(concern, 2)])


@pytest.mark.parametrize(
    "text", [exception("nowhere-*"), exception(findings="no-default-encryption"), exception(findings="key-disabled")]
)
def test_an_exception_that_excepts_nothing_is_noted(text: str) -> None:
    check = checked([violating(), compliant()], BUILT_IN["aws-fsbp"] + text)
    assert [(note.concern, note.buckets.count) for note in check.notes] == [(Concern.UNUSED, 0)]


def test_an_exception_that_may_except_something_is_not_called_unused() -> None:
    text = BUILT_IN["aws-fsbp"] + exception().replace("findings", 'regions = "eu-*"\nfindings')
    check = checked([violating()], text)
    assert check.outcome is Outcome.INCOMPLETE
    assert check.notes == ()


def test_an_expired_exception_is_not_said_to_be_missed_where_that_is_not_known() -> None:
    text = BUILT_IN["aws-fsbp"] + exception(expires=date(2026, 1, 1)).replace("findings", 'regions = "eu-*"\nfindings')
    check = checked([violating()], text)
    assert check.outcome is Outcome.VIOLATED
    assert [(note.concern, note.buckets.count) for note in check.notes] == [(Concern.EXPIRED, 0)]


def test_before_any_bucket_was_checked_no_exception_is_called_unused() -> None:
    assert checked([], BUILT_IN["aws-fsbp"] + exception()).notes == ()


def test_expired_exceptions_come_first_and_the_verdict_is_json() -> None:
    text = (
        BUILT_IN["aws-fsbp"]
        + exception("nowhere")
        + exception(expires=date(2026, 12, 1))
        + exception("bad-1", expires=date(2026, 1, 1))
        + exception("b?d-1", "all", expires=date(2026, 1, 1))
    )
    verdict = checked([violating("bad-1"), violating("other"), unreadable(), gone()], text).as_dict()
    assert json.loads(json.dumps(verdict)) == {
        "policy": "ours",
        "title": "Encrypted with KMS keys (Security Hub S3.17)",
        "outcome": "violated",
        "checked_on": "2026-11-24",
        "rows": 4,
        "gaps": [],
        "buckets": {"pass": 0, "violation": 1, "unknown": 1, "excepted": 1, "not-applicable": 1},
        "violating": {"count": 1, "first": ["other"]},
        "undecided": {"count": 1, "first": ["dark"]},
        "failing": {"sse-s3-only": {"count": 1, "first": ["other"]}},
        "unknown": {
            "no-default-encryption": {"count": 1, "first": ["dark"]},
            "sse-s3-only": {"count": 1, "first": ["dark"]},
        },
        "excepted": {"sse-s3-only": {"count": 1, "first": ["bad-1"]}},
        "exceptions": [
            {
                "concern": concern,
                "line": line,
                "scope": scope,
                "reason": "Ticket 1.",
                "expires": expires,
                "count": count,
                "first": ["bad-1"][:count],
            }
            for concern, line, scope, expires, count in [
                ("expired", 18, "buckets bad-1", "2026-01-01", 0),
                ("expired", 23, "buckets b?d-1", "2026-01-01", 0),
                ("expiring", 13, "buckets bad*", "2026-12-01", 1),
                ("unused", 8, "buckets nowhere", "2027-09-20", 0),
            ]
        ],
    }


def test_an_expired_exception_is_named_with_the_buckets_that_count_again() -> None:
    check = checked([violating(), violating("other")], BUILT_IN["aws-fsbp"] + exception(expires=date(2026, 1, 1)))
    (note,) = check.notes
    assert (note.concern, note.buckets.first) == (Concern.EXPIRED, ["bad"])
    assert check.violating.count == 2


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_policy_is_loaded_by_its_name(name: str) -> None:
    assert load(name) == parse_policy(BUILT_IN[name], name)


def test_a_policy_is_loaded_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_bytes(b'\xef\xbb\xbffail = "sse-s3-only"\r\n')
    assert load(str(file)) == parse_policy('fail = "sse-s3-only"', str(file))


def test_a_built_in_policy_goes_before_a_file_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strict").write_text('fail = "key-disabled"\n')
    monkeypatch.chdir(tmp_path)
    assert load("strict") == parse_policy(BUILT_IN["strict"], "strict")
    assert load("./strict") == parse_policy('fail = "key-disabled"', "./strict")


BUILT_INS = "built in are aws-fsbp, customer-key, strict"
NO_POLICY: dict[str, tuple[bytes | None, str, str]] = {
    "customer_key": (None, "there is no policy customer_key", f"did you mean customer-key? {BUILT_INS}"),
    "none.toml": (None, "there is no policy none.toml", BUILT_INS),
    "": (None, "there is no policy", BUILT_INS),
    ".": (None, "policy . is a directory", ""),
    "~nobody-of-this-name/p.toml": (None, "cannot read policy ~nobody-of-this-name/p.toml: Could not", BUILT_INS),
    "nul\0": (None, "cannot read policy", BUILT_INS),
    "file/in-it": (None, "cannot read policy file/in-it: Not a directory", BUILT_INS),
    "large": (b"#" * (LARGEST + 1), "policy large is larger than 1000000 bytes", ""),
    "latin": (b'fail = "sse-s3-only"\n\ntitle = "caf\xe9"\n', "latin, line 3: not UTF-8", "save it as UTF-8"),
    "wrong": (b"\nfail = 3\n", "wrong, line 2: fail is a number where a list of texts is expected", 'as "3"'),
    "binary": (b"PK\x03\x04\0\0", "binary, line 1: not valid TOML", ""),
}


@pytest.mark.parametrize("name", NO_POLICY)
def test_what_is_no_policy_is_told(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, message, hint = NO_POLICY[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load(name)
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_the_largest_policy_is_still_read(tmp_path: Path) -> None:
    file = tmp_path / "large.toml"
    head = b'fail = "sse-s3-only"\n'
    file.write_bytes(head + b"#" * (LARGEST - len(head)))
    assert load(str(file)).fail.holds("sse-s3-only")


def test_the_verdict_names_findings_buckets_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    text = BUILT_IN["aws-fsbp"] + exception("old", expires=date(2026, 1, 1)) + exception("none")
    rows = [violating(f"bad-{number:02}") for number in range(12)]
    print_verdict(checked([*rows, violating("old"), compliant(), unreadable(), gone()], text))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.rstrip() for line in printed.err.splitlines()] == [
        "Policy ours: violated  (16 buckets: 13 in violation, 1 not known, 1 gone, 1 comply)",
        "Violated by  sse-s3-only  13  bad-00, bad-01, bad-02 and 10 more",
        "Not known    buckets       1  dark",
        "             findings         no-default-encryption 1, sse-s3-only 1",
        (
            "note: the exception on line 8 (buckets old) expired on 2026-01-01: 1 bucket not excepted any more: "
            "renew it with a new reason, or mend them. Its reason was: Ticket 1."
        ),
        "note: the exception on line 13 (buckets none) excepts nothing in what was checked.",
        "What sse-s3-only means and how to mend it: s3audit explain sse-s3-only",
        ("Of 1 bucket nobody can tell, and that is no pass. What an audit must be allowed to read: s3audit iam-policy"),
    ]


def test_a_policy_that_passes_takes_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_verdict(checked([compliant(), compliant()]))
    assert capsys.readouterr().err.rstrip() == "Policy ours: passed  (2 buckets: 2 comply)"


def test_the_gravest_finding_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    check = checked([violating("a"), violating("b"), violating("c", "key-pending-deletion")], BUILT_IN["customer-key"])
    assert next_steps(check) == (
        "What key-pending-deletion means and how to mend it: s3audit explain key-pending-deletion",
    )


def test_a_key_that_is_not_allowed_has_no_page_to_point_to() -> None:
    assert next_steps(checked([violating()], 'allowed_keys = "arn:aws:kms:*:*:key/1"')) == ()


def test_four_columns_are_blamed_for_what_they_do_not_hold() -> None:
    row = Row("narrow", KEY, "CUSTOMER", bucket_key=True, findings=None)
    (step,) = next_steps(checked([row], BUILT_IN["strict"]))
    assert "A report of four columns cannot hold more: audit with --wide." in step


def test_nothing_in_a_verdict_is_obeyed_by_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "bad\x1b]0;owned\x07\u202e[red]"
    lapsed = exception("*", expires=date(2026, 1, 1)).replace("Ticket 1.", "\\u001b[31mred")
    text = f'fail = "sse-s3-only"\n{lapsed}'
    check = PolicyCheck(parse_policy(text, "ours\x1b[31m"), today=TODAY)
    check.add(violating(hostile))
    print_verdict(check)
    printed = capsys.readouterr().err
    assert "[red]" in printed, "no markup is taken from a name"
    assert not set(printed.replace("\n", "")) & set("\x1b\x07\u202e")


@pytest.fixture
def json_messages() -> Iterator[None]:
    use_log_format("json")
    yield
    use_log_format("plain")


@pytest.mark.usefixtures("json_messages")
def test_with_json_messages_the_verdict_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    check = checked([violating()])
    print_verdict(check)
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert event.pop("time")
    assert event == {"event": "policy", **check.as_dict()}
