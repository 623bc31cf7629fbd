"""Secrets out of texts, by form and by value, and lines that a terminal can be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3audit_async.redaction import LONGEST_TEXT, REDACTED, Secrets, plain, redact

KEY = "AKIA" + "Q" * 16
SIGNATURE = "0123456789abcdef" * 4
TOKEN = "IQoJb3JpZ2luX2VjEPr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ=="


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"the key {KEY} does not exist", KEY),
        (f"the key ASIA{KEY[4:]} does not exist", f"ASIA{KEY[4:]}"),
        (f"expected {SIGNATURE}.", SIGNATURE),
        (
            f"Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/r/s3/aws4_request, Signature={SIGNATURE[:40]}",
            "x/20",
        ),
        (f"Signature={SIGNATURE[:40]}", SIGNATURE[:40]),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
        ('{"Proxy-Authorization": "Bearer abc.def.ghi"}', "abc.def.ghi"),
        (f"host:kms\nx-amz-security-token:{TOKEN}\n\nhost", TOKEN),
        (f"https://b.s3.amazonaws.com/?X-Amz-Security-Token={TOKEN}&X-Amz-Date=1", TOKEN),
        ("?X-Amz-Credential=MINIO%2F20260101%2Fus-east-1&x=1", "MINIO"),
        (f"<SessionToken>{TOKEN}</SessionToken>", TOKEN),
        ('{"SecretAccessKey": "wJalrXUtnFEMI"}', "wJalrXUtnFEMI"),
        (r"{\"SecretAccessKey\": \"wJalrXUtnFEMI\"}", "wJalrXUtnFEMI"),
        ("aws_secret_access_key = wJalrXUtnFEMI", "wJalrXUtnFEMI"),
        ("http://user:pass@127.0.0.1:9/", "user"),
        ("http://user:pass@127.0.0.1:9/", "pass"),
        ("socks5://user:p@ss/w@proxy:1080", "p@ss/w"),
        ("https://token-only@proxy", "token-only"),
    ],
)
def test_what_has_the_form_of_a_secret_is_taken_out(text: str, secret: str) -> None:
    """Wherever it stands, and however it is written."""
    assert secret not in redact(text)
    assert REDACTED in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Access Denied",
        "The security token included in the request is expired",
        "The request signature we calculated does not match the signature you provided.",
        "User: arn:aws:iam::123456789012:user/auditor is not authorized to perform: kms:DescribeKey on resource: x",
        "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555",
        "Could not connect to the endpoint URL: https://s3.eu-west-1.amazonaws.com/bucket?encryption",
        "write to a@example.com",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """An error has to go on saying what is wrong."""
    assert redact(text) == text


def test_secrets_in_use_are_taken_out_by_value() -> None:
    """Whatever form they have, percent-encoded too; what is too short to be told from words stays."""
    secrets = Secrets()
    secrets.add("minio-admin", "p/w+with=signs", None, "", "test")
    said = redact("minio-admin, p/w+with=signs, p%2Fw%2Bwith%3Dsigns, a test", secrets)
    assert said == f"{REDACTED}, {REDACTED}, {REDACTED}, a test"


def test_as_many_values_are_kept_as_late_answers_may_speak_of() -> None:
    """Memory is bounded however often credentials are renewed."""
    secrets = Secrets()
    for number in range(1000):
        secrets.add(f"secret-{number:04d}")
    assert secrets.removed_from("secret-0999 secret-0990") == f"{REDACTED} {REDACTED}"
    assert secrets.removed_from("secret-0001") == "secret-0001"


def test_a_secret_is_taken_out_before_the_text_is_cut() -> None:
    """Half a signature has not the form of one."""
    said = plain("x" * (LONGEST_TEXT - 20) + " " + SIGNATURE)
    assert SIGNATURE[:10] not in said


@pytest.mark.parametrize("character", ["\n", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u200b", "\u2028", "\ufeff"])
def test_what_a_terminal_would_obey_becomes_a_space(character: str) -> None:
    """Control characters, C1 among them, and those that turn the direction of writing or cannot be seen."""
    assert plain(f"a{character}{character}b") == "a b"


@given(st.text(max_size=2000))
def test_any_text_becomes_one_bounded_printable_line(text: str) -> None:
    """Nothing that comes from outside raises, or shows more than it should."""
    said = plain(text)
    assert said.isprintable()
    assert len(said) <= LONGEST_TEXT


@pytest.mark.parametrize("piece", ["http://", "://a:", "signature=", "AKIA", "\\", " ", "authorization: aws "])
def test_texts_made_to_be_slow_are_cut_before_they_are_searched(piece: str) -> None:
    """A message of 1 MiB costs no more than its first 16 KiB."""
    assert len(plain(piece * (2**20 // len(piece)))) <= LONGEST_TEXT
