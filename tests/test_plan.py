"""The remediation plan: a script that a shell takes, with each bucket's call in it, whatever names it meets."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from s3audit_async.analysis.plan import Counted, write_plan
from s3audit_async.errors import UsageError
from s3audit_async.findings import Finding
from s3audit_async.model import Row, SseC

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = "111122223333"


def arn(region: str = "eu-west-1", name: str = "1234abcd-12ab-34cd-56ef-1234567890ab") -> str:
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/{name}"


SOUND = Row(
    bucket="sound",
    mode=arn(),
    key_type="CUSTOMER",
    bucket_key=True,
    account=ACCOUNT,
    region="eu-west-1",
    algorithm="aws:kms",
    key_arn=arn(),
    key_state="Enabled",
    key_account=ACCOUNT,
    key_region="eu-west-1",
    sse_c=SseC.BLOCKED,
)
SSE_S3 = replace(
    SOUND,
    bucket="plain",
    mode="AES256",
    key_type="N/A",
    algorithm="AES256",
    bucket_key=False,
    key_arn=None,
    findings=(Finding.SSE_S3_ONLY,),
)
VIRGINIAN = replace(SSE_S3, bucket="virginian", region="us-east-1")
CONDEMNED = replace(SOUND, key_state="PendingDeletion", findings=(Finding.KEY_PENDING_DELETION,))
OPEN = replace(SOUND, bucket="open", sse_c=None, findings=(Finding.SSE_C_NOT_BLOCKED,))
DENIED = Row("denied", "AccessDenied", "Unknown", None, findings=(Finding.ENCRYPTION_UNREADABLE,))
GONE = Row("gone", "NoSuchBucket", "Unknown", None)
FUTURE = replace(SOUND, bucket="future", mode="aws:future", key_type="N/A", algorithm="aws:future", key_arn=None)
UNUSABLE = replace(SOUND, bucket="unusable", key_state="Unavailable", findings=(Finding.KEY_UNUSABLE,))
RESTING = replace(SOUND, bucket="resting", key_state="Resting")
KEYS = {"KEY_ARN_eu_west_1": arn(name="new"), "KEY_ARN_us_east_1": arn("us-east-1", "new")}

HOSTILE = (
    "it's",
    "$(touch pwned)",
    "`touch pwned`",
    "a\ntouch pwned\n",
    "# no comment",
    "-rf",
    "--endpoint-url",
    '"; touch pwned; "',
    "\\",
    "*",
    "\u202egnp.exe",
    "\x1b[2J",
    "a\r\nb",
)


def script(*rows: Row) -> tuple[str, Counted]:
    out = io.StringIO()
    counted = write_plan(lambda: rows, out)
    return out.getvalue(), counted


class Shell:
    """Runs a script with an `aws` that only writes down what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"
        tool = folder / "bin" / "aws"
        tool.parent.mkdir()
        tool.write_text(
            f"#!{sys.executable} -S\nimport json, os, sys\n"
            f"open({str(self.log)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
            "sys.exit('fails' in sys.argv)\n"
        )
        tool.chmod(0o755)

    def run(self, text: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
        path = self.folder / "plan.sh"
        path.write_text(text, newline="")
        self.log.write_text("")
        return subprocess.run(
            ["/bin/sh", path],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={"PATH": f"{self.folder / 'bin'}:{os.defpath}", **variables},
        )

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def rule_of(call: list[str]) -> Any:
    (rule,) = json.loads(call[call.index("--server-side-encryption-configuration") + 1])["Rules"]
    return rule


def test_each_bucket_gets_the_key_of_its_region(shell: Shell) -> None:
    text, _ = script(SSE_S3, VIRGINIAN, SOUND)
    assert shell.run(text, KEYS).returncode == 0
    assert [call[:6] for call in shell.calls()] == [
        ["s3api", "put-bucket-encryption", "--bucket", "plain", "--region", "eu-west-1"],
        ["s3api", "put-bucket-encryption", "--bucket", "virginian", "--region", "us-east-1"],
    ]
    assert [rule_of(call) for call in shell.calls()] == [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
            "BucketKeyEnabled": True,
            "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
        }
        for key in KEYS.values()
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_arrive_as_they_are(shell: Shell, text: str) -> None:
    row = replace(OPEN, bucket=text, mode=text, key_arn=None, findings=(Finding.SSE_C_NOT_BLOCKED, text))
    done = shell.run(script(row)[0], {})
    assert (done.returncode, done.stderr) == (0, "")
    (call,) = shell.calls()
    assert call[2:-4] == ([f"--bucket={text}"] if text.startswith("-") else ["--bucket", text])
    assert rule_of(call)["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == text
    assert not (shell.folder / "pwned").exists()


def test_only_keys_of_regions_that_need_one_are_asked_for(shell: Shell) -> None:
    text, counted = script(VIRGINIAN, OPEN)
    assert counted.key_regions == ("us-east-1",)
    assert "eu_west_1" not in text
    done = shell.run(text, {})
    assert done.returncode != 0
    assert "the ARN of the key to use in us-east-1" in done.stderr
    assert shell.calls() == []


@pytest.mark.parametrize("key", [arn("us-east-2"), "alias/mine", arn("us-east-1", '"},{"'), "arn:aws:s3:::bucket"])
def test_what_is_no_key_of_the_region_stops_the_script_before_its_first_call(shell: Shell, key: str) -> None:
    done = shell.run(script(OPEN, VIRGINIAN)[0], {"KEY_ARN_us_east_1": key})
    assert done.returncode == 2
    assert "not the ARN of a KMS key in us-east-1" in done.stderr
    assert shell.calls() == []


def test_a_key_that_buckets_share_is_brought_back_once(shell: Shell) -> None:
    """KMS refuses to cancel a deletion twice."""
    rows = [replace(CONDEMNED, bucket=f"condemned-{number}") for number in range(3)]
    assert shell.run(script(*rows)[0], {}).returncode == 0
    assert [call[1] for call in shell.calls()] == ["cancel-key-deletion", "enable-key"]


def test_the_script_ends_at_the_first_call_that_fails(shell: Shell) -> None:
    text, _ = script(replace(OPEN, bucket="fails"), OPEN)
    assert shell.run(text, {}).returncode == 1
    assert [call[3] for call in shell.calls()] == ["fails"]


def test_a_bucket_is_in_one_count_each() -> None:
    text, counted = script(SOUND, SSE_S3, OPEN, DENIED, FUTURE, GONE, UNUSABLE, RESTING)
    assert counted == Counted(
        buckets=8, planned=2, left=1, undecided=2, sound=1, unsure=1, gone=1, key_regions=("eu-west-1",)
    )
    assert text.endswith(
        "\n# 2 of 8 buckets planned, 1 without findings, 1 without findings but with something unknown, 1 left to you,"
        " 2 not planned as they are unknown, 1 gone.\n"
    )


def test_what_is_not_planned_is_named_with_the_reason(shell: Shell) -> None:
    text, _ = script(DENIED, FUTURE, UNUSABLE, SOUND, GONE)
    assert "# denied: encryption-unreadable\n# Not planned" in text
    assert "# future: aws:future is not known to this version\n# Not planned" in text
    assert "# unusable: key-unusable\n# Left to you: key-unusable\n" in text
    assert "sound" not in text
    assert "\n# gone" not in text
    assert shell.run(text, {}).returncode == 0
    assert shell.calls() == []


def test_the_script_says_first_that_nothing_was_run() -> None:
    lines = script(SSE_S3)[0].splitlines()
    assert lines[0] == "#!/bin/sh"
    assert "s3audit has changed nothing" in lines[1]
    assert "set -eu" in lines


def test_the_script_says_first_what_it_does_to_keys() -> None:
    text, _ = script(CONDEMNED)
    head, _, calls = text.partition("set -eu")
    assert "aws kms cancel-key-deletion" in calls
    assert "aws kms enable-key" in calls
    words = " ".join(head.replace("#", " ").split())
    assert (
        "Keys that are disabled it enables, and where KMS is about to delete a key, it cancels the deletion." in words
    )
    assert "nobody has disabled a key, or had it deleted, on purpose" in words


def test_a_report_of_four_columns_is_refused_before_anything_is_written() -> None:
    out = io.StringIO()
    with pytest.raises(UsageError, match="four columns"):
        write_plan(lambda: [replace(SSE_S3, findings=None)], out)
    assert out.getvalue() == ""


def test_rows_are_streamed() -> None:
    """The script grows while the rows are read the second time."""
    out = io.StringIO()
    seen: list[int] = []

    def rows() -> Iterator[Row]:
        for number in range(50):
            seen.append(out.tell())
            yield replace(OPEN, bucket=f"bucket-{number}")

    write_plan(rows, out)
    first, second = seen[:50], seen[50:]
    assert set(first) == {0}
    assert second == sorted(set(second))
