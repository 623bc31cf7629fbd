"""Where options come from: the command line, variables, a file; and what a file must not say."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click
import pytest

from s3audit_async.cli import main
from s3audit_async.cli.app import app
from s3audit_async.cli.config_file import ConfigFile, Key, Kind
from s3audit_async.cli.configuration import PREFIX, ConfiguredOption
from s3audit_async.errors import UsageError
from s3audit_async.model import Kind as BucketKind
from s3audit_async.sinks import make_sink
from tests import option_table
from tests.rows import SSE_S3

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = [(command, name) for name, commands in option_table.options().items() for command in commands]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to run commands in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parsed(*arguments: str) -> dict[str, Any]:
    """The parameters of a command, from wherever they come."""
    context = app.make_context("s3audit", list(arguments))
    name, command, rest = app.resolve_command(context, list(arguments))
    assert command is not None
    return command.make_context(name, rest, parent=context).params


def refused(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that ends with 2 says, on one line."""
    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    return captured.err


def write_report(here: Path) -> None:
    """Put a report with one bucket there."""
    with (here / "r.csv").open("wb") as out:
        sink = make_sink("csv", out, wide=True)
        sink.begin()
        sink.write(SSE_S3)
        sink.end()


def test_the_page_has_every_option_with_its_variable() -> None:
    assert option_table.shown() == option_table.table() != ""


def test_the_command_line_wins_over_variables_those_over_the_commands_table_that_over_the_top_level(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in turn taken away."""
    assert parsed("run")["max_attempts"] == 8
    (here / "s3audit.toml").write_text("max-attempts = 2\n")
    assert (parsed("run")["max_attempts"], parsed("demo")["max_attempts"]) == (2, 2)
    (here / "s3audit.toml").write_text("max-attempts = 2\n[run]\nmax-attempts = 3\n")
    assert (parsed("run")["max_attempts"], parsed("demo")["max_attempts"]) == (3, 2)
    monkeypatch.setenv("S3AUDIT_MAX_ATTEMPTS", "4")
    assert parsed("run")["max_attempts"] == 4
    assert parsed("run", "--max-attempts", "5")["max_attempts"] == 5
    monkeypatch.setenv("S3AUDIT_MAX_ATTEMPTS", "")
    assert parsed("run")["max_attempts"] == 3


@pytest.mark.parametrize(("command", "name"), OPTIONS)
def test_every_option_heeds_its_variable(
    command: str, name: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value that cannot be is refused in its name; where any text can be, it arrives."""
    option = option_table.options()[name][command]
    assert isinstance(option.envvar, str)
    monkeypatch.setenv(option.envvar, "no-such-file" if name == "--config" else "(text)")
    arguments = [command, *["x" for each in app.commands[command].params if isinstance(each, click.Argument)]]
    if name == "--config":
        assert "cannot read no-such-file" in refused(*arguments, capsys=capsys)
    elif option.type.name == "text":
        assert parsed(*arguments)[option.name or ""] in ("(text)", ("(text)",))
    else:
        assert f"--{option.long_name}', from {option.envvar}" in refused(*arguments, capsys=capsys)


def test_a_variable_of_an_option_that_is_repeated_holds_several_with_commas(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3AUDIT_INCLUDE_REGION", "eu-west-1, eu-central-1,")
    assert parsed("run")["include_region"] == ("eu-west-1", "eu-central-1")
    assert parsed("run", "--include-region", "us-east-1")["include_region"] == ("us-east-1",)


def test_a_file_sets_each_kind_of_option(here: Path) -> None:
    (here / "s3audit.toml").write_text(
        "wide = true\ntimeout = 5\nretry-max-time = 2.5\nprefix = 'p'\nexclude-region = 'eu-west-1'\n"
        "[run]\ninclude-region = ['us-east-1', 'us-west-2']\nkinds = ['general', 'table']\n"
    )
    expected = {
        "wide": True,
        "timeout": 5.0,
        "retry_max_time": 2.5,
        "prefix": "p",
        "exclude_region": ("eu-west-1",),
        "include_region": ("us-east-1", "us-west-2"),
        "kinds": frozenset({BucketKind.GENERAL, BucketKind.TABLE}),
    }
    values = parsed("run")
    assert {name: values[name] for name in expected} == expected
    assert parsed("iam-policy")["prefix"] == "p"


def test_our_own_file_counts_before_pyproject_and_a_named_one_before_both(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "pyproject.toml").write_text("[tool.s3audit]\nmax-attempts = 11\n[tool.s3audit.demo]\nbuckets = 7\n")
    assert (parsed("run")["max_attempts"], parsed("demo")["buckets"]) == (11, 7)
    (here / "s3audit.toml").write_text("max-attempts = 12\n")
    assert (parsed("run")["max_attempts"], parsed("demo")["buckets"]) == (12, 300)
    (here / "other.toml").write_text("max-attempts = 13\n")
    monkeypatch.setenv("S3AUDIT_CONFIG", "other.toml")
    assert parsed("run")["max_attempts"] == 13
    assert parsed("run", "--config", "pyproject.toml")["max_attempts"] == 11
    assert parsed("run", "--config", os.devnull)["max_attempts"] == 8


@pytest.mark.parametrize(
    "text",
    ["[tool.other]\nbroken", "[project]\nname = 's3audit'\nbroken", "[tool.ruff]\n# tool.s3audit\n", "# \xff"],
)
def test_a_pyproject_that_says_nothing_to_us_is_passed_over(text: str, here: Path) -> None:
    (here / "pyproject.toml").write_text(text)
    (here / "pyproject.toml").chmod(0o666)  # nor does it matter then who may write it
    assert parsed("run")["max_attempts"] == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_attempts = 3", "there is no option for key 'max_attempts' (did you mean 'max-attempts'?)"),
        ("xyzzy = 3", "there is no option for key 'xyzzy' (see 's3audit --help')"),
        ("config = 'x'", "there is no option for key 'config'"),
        ("[rnu]\nwide = true", "there is no command for table 'rnu' (did you mean 'run'?)"),
        ("[run]\nbuckets = 3", "in [run]: there is no option for key 'buckets' (did you mean 'bucket"),
        ("[demo]\nprefix = 'x'", "in [demo]: there is no option for key 'prefix'"),
        ("run = 3", "there is no option for key 'run'"),
        ("wide = 1", "'wide' is not true or false"),
        ("wide = 'true'", "'wide' is not true or false"),
        ("max-attempts = '3'", "'max-attempts' is not a whole number"),
        ("max-attempts = 3.0", "'max-attempts' is not a whole number"),
        ("max-attempts = true", "'max-attempts' is not a whole number"),
        ("timeout = '3'", "'timeout' is not a number"),
        ("prefix = 3", "'prefix' is not text in quotes"),
        ("prefix = ['a']", "'prefix' is not text in quotes"),
        ("include-region = ['a', 3]", "'include-region' is not text in quotes, or a list of such"),
        ("[max-attempts]\nx = 3", "'max-attempts' is not a whole number"),
        ("max-attempts = 0", "'--max-attempts', from s3audit.toml: 0 is not in the range 1<=x<=100"),
        ("log-format = 'xml'", "'--log-format', from s3audit.toml: 'xml' is not one of 'plain', 'json'"),
        ("wide = true\nwide = maybe\n", "(at line 2, column 8)"),
        ("prefix = 'a'\n[run]\nbucket = ['abc']", "from s3audit.toml: bucket, prefix"),
        ('"\\u001b[31m" = 3', "there is no option for key '[31m'"),
    ],
)
def test_what_cannot_be_in_a_file_is_one_line_that_names_it(
    text: str, said: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("S3AUDIT_QUIET", "true")
    (here / "s3audit.toml").write_text(text)
    shown = refused("run", capsys=capsys)
    assert said in shown
    assert "s3audit.toml" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "endpoint-url = 'http://127.0.0.1:9'",
        "profile = 'admin'",
        "[run]\nprofile = 'admin'",
        "output = '../r.csv'",
        "output = '/tmp/r.csv'",
        "output = '~/r.csv'",
        "output = 'link/r.csv'",
        "stats = '../s.json'",
        "[demo]\nstats = '../s.json'",
        "resume = '../r.csv'",
    ],
)
def test_a_file_that_was_found_cannot_lead_elsewhere_and_a_named_one_can(
    text: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "link").symlink_to(here.parent)
    (here / "s3audit.toml").write_text(text)
    assert "name it: --config s3audit.toml" in refused("run", capsys=capsys)
    name, value = text.replace("'", "").splitlines()[-1].split(" = ")
    command = "demo" if "[demo]" in text else "run"
    assert parsed(command, "--config", "s3audit.toml")[name.replace("-", "_")] == value


def test_a_file_that_was_found_may_name_places_in_its_directory(here: Path) -> None:
    (here / "s3audit.toml").write_text("output = 'reports/'\nstats = 's.json'\n")
    assert (parsed("run")["output"], parsed("run")["stats"]) == ("reports/", "s.json")
    (here / "s3audit.toml").write_text("output = '-'\n")
    assert parsed("run")["output"] == "-"


def test_a_file_that_anybody_may_write_is_not_heeded_unless_it_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = here / "s3audit.toml"
    file.write_text("max-attempts = 3\n")
    file.chmod(0o666)
    assert "anybody may write it" in refused("run", capsys=capsys)
    assert parsed("run", "--config", "s3audit.toml")["max_attempts"] == 3


def test_what_is_no_file_is_not_waited_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(here / "s3audit.toml")
    assert "no ordinary file" in refused("run", capsys=capsys)
    assert "cannot read nowhere.toml" in refused("run", "--config", "nowhere.toml", capsys=capsys)


def test_what_is_no_configuration_is_said_to_be_none(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "pyproject.toml").write_text("[tool.ruff]\n")
    (here / "binary.toml").write_bytes(b"\xff\xfe")
    (here / "long.toml").write_bytes(b"# a comment\n" * 100_000)
    for name, said in (
        ("pyproject.toml", "pyproject.toml has no table [tool.s3audit]"),
        ("binary.toml", "binary.toml is not UTF-8 text"),
        ("long.toml", "long.toml is too long"),
    ):
        assert said in refused("run", "--config", name, capsys=capsys)
    (here / "pyproject.toml").write_text("[tool]\ns3audit = 3  # tool.s3audit\n")
    assert "tool.s3audit is no table" in refused("run", capsys=capsys)


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (("--resume", "x.partial"), "output", None),
        (("--resume", "x.partial"), "wide", False),
        (("--resume", "x.partial"), "html", None),
        (("--resume", "x.partial"), "split", False),
        (("--bucket", "abc"), "prefix", None),
        (("--buckets-from", "names"), "prefix", None),
        (("--accounts", "111122223333"), "ous", ()),
        (("--profiles", "prod"), "ous", ()),
        (("-v",), "quiet", False),
        (("-q",), "output", "reports/"),
    ],
)
def test_what_is_not_from_the_command_line_gives_way_to_what_it_cannot_stand_beside(
    arguments: tuple[str, ...], name: str, value: object, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "s3audit.toml").write_text("output = 'reports/'\nhtml = 'p.html'\nquiet = true\nou = 'ou-ab12-cd34ef56'\n")
    monkeypatch.setenv("S3AUDIT_WIDE", "true")
    monkeypatch.setenv("S3AUDIT_SPLIT", "true")
    monkeypatch.setenv("S3AUDIT_PREFIX", "p")
    assert parsed("run", *arguments)[name] == value


def test_what_a_file_says_of_the_reports_of_a_run_does_not_convert_one_that_is_there(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "s3audit.toml").write_text("output = 'reports/'\nwide = true\nformat = 'csv,jsonl'\n")
    assert (parsed("run")["output"], parsed("run")["wide"]) == ("reports/", True)
    of_report = {name: parsed("report", "r.csv")[name] for name in ("output", "wide", "formats")}
    assert of_report == {"output": None, "wide": False, "formats": ()}
    for name, value in (("OUTPUT", "reports/"), ("WIDE", "true"), ("FORMAT", "csv")):
        monkeypatch.setenv(f"S3AUDIT_{name}", value)
    assert {name: parsed("report", "r.csv")[name] for name in of_report} == of_report
    monkeypatch.setenv("S3AUDIT_REPORT_FORMAT", "parquet")
    (here / "s3audit.toml").write_text("[report]\noutput = 'o/'\n")
    assert (parsed("report", "r.csv")["output"], parsed("report", "r.csv")["formats"]) == ("o/", ("parquet",))


def test_a_list_of_names_is_printed_whatever_a_file_has_reports_decided_by(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "s3audit.toml").write_text(
        "policy = 'strict'\nhtml = 'p.html'\n"
        "[report]\nformat = 'jsonl'\noutput = '.'\nwide = true\nby = 'region'\njson = true\nplan = 'p.sh'\n"
    )
    write_report(here)
    assert main(["report", "r.csv", "--list"]) == 0
    assert capsys.readouterr().out == "sse-s3\n"
    assert sorted(path.name for path in here.iterdir()) == ["r.csv", "s3audit.toml"]


def test_the_demo_is_not_led_elsewhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no option that a variable or a file could do that with."""
    (here / "s3audit.toml").write_text("region = 'eu-west-1'\nbucket = 'abc'\n")
    for name in ("ENDPOINT_URL", "PROFILE", "REGION", "RESUME", "BUCKETS_FROM"):
        monkeypatch.setenv(f"{PREFIX}{name}", "elsewhere")
    values = parsed("demo")
    assert not {"endpoint_url", "profile", "region", "resume", "buckets_from"} & values.keys()
    assert values["buckets"] == 300


def test_an_option_of_its_own_is_set_by_the_commands_table_only() -> None:
    keys = {"run": {"format": Key("format", Kind.TEXT)}, "diff": {"format": Key("format", Kind.TEXT, own=True)}}
    file = ConfigFile(option_table.PAGE, named=True, values={"format": "csv", "diff": {"format": "text"}})
    assert (file.of_command("run", keys), file.of_command("diff", keys)) == ({"format": "csv"}, {"format": "text"})
    alone = ConfigFile(option_table.PAGE, named=True, values={"format": "csv"})
    assert alone.of_command("diff", keys) == {}
    option = ConfiguredOption(["--format"], envvar=f"{PREFIX}DIFF_FORMAT")
    assert (option.own, option.envvar) == (True, "S3AUDIT_DIFF_FORMAT")


@pytest.mark.parametrize("named", [(), ("--config", "s3audit.toml")])
def test_no_file_and_no_variable_can_have_a_policy_printed_in_place_of_an_audit(
    named: tuple[str, ...], here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("S3AUDIT_INIT_POLICY", "true")
    assert "no/slashes" in refused("run", "--bucket", "no/slashes", "-q", capsys=capsys)
    (here / "s3audit.toml").write_text("init-policy = true\n")
    assert "there is no option for key 'init-policy'" in refused("run", *named, capsys=capsys)


def test_errors_of_kind_and_name_are_usage_errors() -> None:
    with pytest.raises(UsageError) as raised:
        Key("wide", Kind.FLAG).check("yes", "here")
    assert (str(raised.value), raised.value.hint) == ("here: 'wide' is not true or false", "mend it there")


def test_a_run_says_what_it_took_from_a_file_and_with_verbose_from_variables(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the form that messages have; with -q nothing. The run is refused, which is told in any case."""
    (here / "s3audit.toml").write_text("max-attempts = 3\nlog-format = 'json'\noutput = 'r.csv'\n")
    monkeypatch.setenv("S3AUDIT_BUCKET", "no/slashes")

    def told(*arguments: str) -> dict[str, list[str]]:
        assert main(["run", *arguments]) == 2
        records = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert records[-1]["hint"].endswith(
            "from s3audit.toml: output, max-attempts, log-format; from S3AUDIT_BUCKET: bucket"
        )
        return {record["source"]: record["options"] for record in records[:-1]}

    from_the_file = {"s3audit.toml": ["output", "max-attempts", "log-format"]}
    assert told() == from_the_file
    assert told("-v") == {**from_the_file, "S3AUDIT_BUCKET": ["bucket"]}
    assert told("-q") == {}


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ((), "Options from s3audit.toml: where, quiet\n"),
        (("--config", "s3audit.toml"), ""),
        (("-q",), ""),
    ],
)
def test_a_file_that_was_found_does_not_hide_that_it_makes_a_report_smaller(
    where: tuple[str, ...], told: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "s3audit.toml").write_text("[report]\nquiet = true\nwhere = ['region=nowhere']\n")
    write_report(here)
    assert main(["report", "r.csv", "--policy", "strict", *where]) == 3  # nothing was checked
    assert capsys.readouterr().err == told


def test_a_command_that_cannot_be_silenced_says_what_it_took_from_a_file(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "s3audit.toml").write_text("prefix = 'p'\n")
    assert main(["iam-policy"]) == 0
    assert capsys.readouterr().err == "Options from s3audit.toml: prefix\n"
