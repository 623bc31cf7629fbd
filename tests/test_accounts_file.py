"""The accounts that `--accounts` names: ids as they stand, and files as people and AWS's tools write them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s3audit_async.errors import UsageError
from s3audit_async.fleet import accounts_file
from s3audit_async.fleet.accounts_file import accounts_of, file_of, parse
from s3audit_async.fleet.units import Account

A, B, C = "000000000001", "111111111111", "222222222222"
LISTED = {
    "Accounts": [
        {"Id": A, "Arn": f"arn:aws:organizations::{B}:account/o-1/{A}", "Name": "low", "Status": "ACTIVE"},
        {"Id": B, "Name": "Ünïcode", "State": "ACTIVE", "Status": "ACTIVE", "JoinedTimestamp": "2026-01-01T00:00:00"},
        {"Id": C, "Name": "closed", "State": "PENDING_CLOSURE", "Status": "SUSPENDED"},
    ]
}


def read(text: str | bytes) -> list[tuple[str | None, str]]:
    """Ids and names in a file."""
    content = text.encode() if isinstance(text, str) else text
    return [(account.id, account.name) for account in parse(content, "accounts.txt")]


def refused(text: str | bytes) -> str:
    """What is said of a file that is refused, with the hint."""
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(UsageError) as raised:
        parse(content, "accounts.txt")
    assert raised.value.hint
    return f"{raised.value} ({raised.value.hint})"


@pytest.mark.parametrize("value", [f"{A},{B}", f"{A}, {B}", f" {A},{B},", f"{A},{B},{A}", f"{A} {B}"])
def test_ids_are_taken_as_they_stand(value: str) -> None:
    assert accounts_of(value) == (Account(A), Account(B))


def test_a_single_id_is_one_account_even_where_a_file_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / A).write_text(B)
    assert accounts_of(A) == (Account(A),)


def test_anything_else_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("accounts.txt", "2026", f"{A}.txt", "a,b", f"{A},old"):
        (tmp_path / name).write_text(f"{B} name\n")
        assert accounts_of(name) == (Account(B, "name"),)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert accounts_of("~/accounts.txt") == (Account(B, "name"),)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "--accounts names no account"),
        (",", "--accounts names no account"),
        ("12345", "--accounts: not an account id: '12345' (12 digits; a spreadsheet drops leading zeros"),
        (f"{A},1234-5678-9012", "not an account id: '1234-5678-9012' (12 digits without hyphens"),
        (f"{A},prod", "not an account id: 'prod'"),
        ("nowhere.txt", "cannot read nowhere.txt: No such file or directory (name a file, or ids"),
        (".", "cannot read .: Is a directory"),
        ("a\0b", "cannot read a b: embedded null byte"),
        (",".join([A] * 400 + ["1"]), "not an account id: '1'"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_what_is_neither_is_refused_in_one_line(value: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        accounts_of(value)
    assert said in f"{raised.value} ({raised.value.hint})"
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("value", "file"), [("a.txt", "a.txt"), ("-", None), (A, None), (f"{A},B", None), ("", None)])
def test_what_is_read_is_known_before_it_is(value: str, file: str | None) -> None:
    assert file_of(value) == file


def test_a_hyphen_is_standard_input() -> None:
    code = "from s3audit_async.fleet.accounts_file import accounts_of; print(accounts_of('-')[0].label, end='')"
    done = subprocess.run(
        [sys.executable, "-c", code], input=f"{A} low\n".encode(), capture_output=True, check=False, env=os.environ
    )
    assert (done.stdout.decode(), done.stderr.decode()) == (f"{A} (low)", "")


@pytest.mark.parametrize(
    "text",
    [
        f"{A} low\n{B}\n",
        f"{A},low\n{B}",
        f"{A}\tlow\r\n{B}\r\n",
        f"{A}  ,  low\r{B}\r",
        f"\ufeff{A} low\n{B}\n",
        f"# ours\n\n  {A} low  # the first\n\n#{C}\n{B}  # no name\n",
        f"{A} low\n{B}\n{A} again\n",
        f'"{A}","low"\n"{B}"\n',
        f"'{A};low\n{B};\n",
        f"Id,Name\n{A},low\n{B},\n",
        f"\ufeffId,Name\r\n{A},low\r\n{B},\r\n",
        f"account_id,name\n{A},low\n{B}\n",
        f"Id,Account,AWS Account ID,Account Name\n1,{C},{A},low\n2,{C},{B},\n",
        f"Name;Account ID\nlow;{A}\n;{B}\n",
        f"Email\tAccount Name\tAccount ID\na@b.c\tlow\t{A}\n\t\t{B}\n",
        f'# exported\n\n"Name","Id","Email"\n"low","{A}","x"\n\n# and\n"","{B}","y"\n',
        f"ID,Name,ID\n{A},low,{C}\n{B},,\n",
        json.dumps({"Accounts": [{"Id": A, "Name": "low"}, {"Id": B}]}),
        json.dumps([{"Id": A, "Name": "low"}, {"Id": B, "Name": None}], indent=2),
        "\ufeff\n" + json.dumps([{"account_id": A, "account_name": "low"}, B]),
    ],
)
def test_a_file_has_any_of_these_forms(text: str) -> None:
    assert read(text) == [(A, "low"), (B, "")]


@pytest.mark.parametrize("text", [f"{A} {B} {C}", f"{A}\t{B}\n{C}\n", f"{A},{B},{C},", json.dumps([A, B, C])])
def test_ids_alone_may_stand_in_one_line_as_the_cli_prints_them(text: str) -> None:
    assert read(text) == [(A, ""), (B, ""), (C, "")]


def test_the_example_in_the_documentation_is_read() -> None:
    page = (Path(__file__).parents[1] / "docs" / "organization.md").read_text(encoding="utf-8")
    example = page.partition("### A list of accounts")[2].split("```text\n")[1].partition("```")[0]
    assert read(example) == [("111122223333", "payments"), ("000011112222", "search and ads")]


def test_what_the_aws_cli_prints_is_used_as_it_is() -> None:
    """State counts before Status; an account that is not active is told with its state, to be skipped."""
    found = parse(json.dumps(LISTED, indent=4).encode(), "-")
    assert found == (
        Account(A, "low", "ACTIVE"),
        Account(B, "Ünïcode", "ACTIVE"),
        Account(C, "closed", "PENDING_CLOSURE"),
    )


def test_the_export_of_the_console_is_used_as_it_is() -> None:
    header = "Account ID,ARN,Email,Name,Status,Joined method,Joined timestamp"
    text = (
        f'{header}\n{A},arn:x,a@b.c,"Low, and ""quoted""",Active,Created,x\n{B},arn:y,a@b.c,gone,Suspended,Invited,y\n'
    )
    assert parse(text.encode(), "-") == (Account(A, 'Low, and "quoted"'), Account(B, "gone", "SUSPENDED"))


def test_names_may_be_numbers_or_have_commas_and_nothing_a_terminal_obeys() -> None:
    assert read(f"{A} 2026\n{B},sales, west\n{C} \x1b[31mred\u202e\n") == [
        (A, "2026"),
        (B, "sales, west"),
        (C, "[31mred"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "accounts.txt names no account"),
        ("\ufeff\n# none\n\n", "accounts.txt names no account"),
        ("Id,Name\n", "accounts.txt names no account"),
        ("[]", "accounts.txt names no account"),
        ('{"Accounts": []}', "accounts.txt names no account"),
        (
            f"{A}\n\n12345678901 dropped\n",
            "accounts.txt, line 3: not an account id: '12345678901' (12 digits; a spread",
        ),
        (f"Id,Name\n{A},x\n1.11111E+11,y\n", "line 3: not an account id: '1.11111E+11' (12 digits; a spreadsheet"),
        (f"Id;Name\n{A};x\n1,11111E+11;y\n", "line 3: not an account id: '1,11111E+11' (12 digits; a spreadsheet"),
        ("111111111111.0\n", "line 1: not an account id: '111111111111.0' (12 digits; a spreadsheet"),
        (f"{A}\n1111-1111-1111\n", "line 2: not an account id: '1111-1111-1111' (12 digits without hyphens)"),
        (f"{A} 11111111111\n", "line 1: not an account id: '11111111111'"),
        (f"{A} {B} prod\n", "line 1: two ids and something else in one line"),
        (f"{A}3\n", f"line 1: not an account id: '{A}3'"),
        ("١٢٣٤٥٦٧٨٩٠١٢\n", "line 1: not an account id"),
        (
            f"ACCOUNTS\tarn:aws\tx@y\t{A}\n",
            "line 1: not an account id: 'ACCOUNTS' (one id a line, CSV with a header, or",
        ),
        (f"Name,Email\nx,y\n{A},x\n", "line 1: not an account id: 'Name'"),
        (f"#\nId,Name\n\n{A},x\n,nameless\n", "line 5: not an account id: ''"),
        (f'Id,Name\n{A},"open\n{B},x\n', "line 3: unexpected end of data (it is read as CSV"),
        (f'Id,Name\n{A},"two\nlines"\nx,y\n', "line 4: not an account id: 'x'"),
        ('[\n  {"Id": "x"\n]', "accounts.txt, line 3: Expecting ',' delimiter (it is read as JSON"),
        (f'[{{"Id": "{A}"}}, {{"Id": 11111111111}}]', "account 2: the id is no text: 11111111111 (in quotes: a number"),
        (f'[{{"Id": "{A}"}}, {{"Id": "1"}}]', "account 2: not an account id: '1'"),
        (f'[{{"Id": "{A}", "Name": 7}}]', f"account 1: the name or state of {A} is no text"),
        (f'[{{"Id": "{A}", "State": ["x"]}}]', "account 1: the name or state"),
        ("[null]", "account 1: not an account id: ''"),
        ("[[]]", "account 1: the id is no text: []"),
        ("{}", "the JSON holds no list of Accounts"),
        ('{"Account": {"Id": "1"}}', "the JSON holds no list of Accounts"),
        (json.dumps({**LISTED, "NextToken": "more"}), "holds a part of the accounts only"),
        ("[" * 100_000, "(it is read as JSON"),
        ("[" + "1" * 5000 + "]", "(it is read as JSON"),
        (b"\xff\xfe1\x00", "accounts.txt, line 1: not UTF-8 text"),
        (f"{A}\n\n".encode() + b"\xe9", "accounts.txt, line 3: not UTF-8 text"),
        ("Id\n" + "x" * 200_000, "line 2: field larger than field limit"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str | bytes, said: str) -> None:
    told = refused(text)
    assert said in told
    assert told.startswith("accounts.txt")


def test_a_file_without_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_file, "LARGEST_FILE", 1000)
    with pytest.raises(UsageError, match="/dev/zero is too long for a list of accounts"):
        accounts_of("/dev/zero")


def outcome(content: bytes) -> tuple[Account, ...] | UsageError:
    """What a file comes to."""
    try:
        return parse(content, "F")
    except UsageError as error:
        return error


PIECES = ["Id", "Name", "State", A, B, "1", "11111111111", "1e400", '"Id":', '"Accounts":', "null"]
PIECES += [*",;\t\n\r#\"' é-[]{}:\0\x85", "\u2028", "\ufeff", "\ud800"]


@given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)))
@example(f"Id\n{A}\n#{B}\n")
@example('{"Accounts": {"Id": "x"}}')
def test_whatever_a_file_holds_gives_accounts_or_one_line_that_says_where(text: str | bytes) -> None:
    content = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    found = outcome(content)
    if isinstance(found, UsageError):
        assert f"{found}{found.hint}".isprintable()
        assert str(found).startswith(("F, line ", "F, account ", "F names no account", "F: ", "F holds a part"))
        assert found.hint
        return
    assert len({account.id for account in found}) == len(found) > 0
    for account in found:
        assert account.id is not None
        assert (len(account.id), account.id.isascii(), account.id.isdigit()) == (12, True, True)
        assert f"{account.name}{account.state}".isprintable()
        assert account.id.encode() in content


NAMES = st.text("abcXYZ .&-é", min_size=1, max_size=20).map(lambda name: f"n{name}n")


@settings(max_examples=40)
@given(st.dictionaries(st.integers(0, 10**12 - 1).map("{:012d}".format), NAMES, min_size=1, max_size=12))
def test_no_account_of_a_list_is_lost_in_any_form(named: dict[str, str]) -> None:
    expected = list(named.items())
    entries = [{"Id": id_, "Name": name} for id_, name in expected]
    assert read("".join(f"{id_} {name}\n" for id_, name in expected)) == expected
    assert read("".join(f"{id_},{name}\r\n" for id_, name in expected)) == expected
    assert read("Name,Id\n" + "".join(f'"{name}",{id_}\n' for id_, name in expected)) == expected
    assert read(json.dumps({"Accounts": entries})) == expected
    assert accounts_of(",".join(named)) == tuple(map(Account, named))
