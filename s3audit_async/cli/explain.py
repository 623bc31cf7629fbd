"""`s3audit explain`: prints entries of the catalogue, wrapped to the terminal."""

from __future__ import annotations

import difflib
import shutil
import sys
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from s3audit_async.analysis.policy.terms import KEY_NOT_ALLOWED
from s3audit_async.cli.terminal import in_colour
from s3audit_async.errors import UsageError
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import CATALOGUE, entry
from s3audit_async.findings.mending import steps
from s3audit_async.model import AES256, Row, SseC

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from s3audit_async.findings.catalogue import Entry

_WIDTH = 80
_NARROWEST = 40
"""Columns below which lines are not broken any further."""
_WIDEST = 100
"""Columns beyond which text is hard to read."""

_ACCOUNT = "111122223333"
_KEY = f"arn:aws:kms:eu-west-1:{_ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
_EXAMPLE = Row(
    bucket="amzn-s3-demo-bucket",
    mode=_KEY,
    key_type="CUSTOMER",
    bucket_key=True,
    account=_ACCOUNT,
    region="eu-west-1",
    algorithm="aws:kms",
    key_arn=_KEY,
    key_state="Enabled",
    key_account=_ACCOUNT,
    key_region="eu-west-1",
    sse_c=SseC.BLOCKED,
)


def perform(findings: Sequence[str]) -> None:
    """Print the entries of some findings, or a list of all. Raises `UsageError` for an id that there is not."""
    entries = [_looked_up(finding) for finding in dict.fromkeys(findings)]
    width = min(max(shutil.get_terminal_size((_WIDTH, 24)).columns, _NARROWEST), _WIDEST)
    pages = ["\n".join(_page(each, width)) for each in entries] or ["\n".join(_list(width))]
    text = "\n\n".join(pages)
    click.echo(text, color=in_colour(sys.stdout))


def example(finding: str) -> Row:
    """Give a row that has a finding, and is sound otherwise."""
    row = replace(_EXAMPLE, findings=(finding,))
    if finding in {Finding.SSE_S3_ONLY, Finding.NO_DEFAULT_ENCRYPTION}:
        algorithm = AES256 if finding == Finding.SSE_S3_ONLY else None
        row = replace(row, mode=AES256, key_type="N/A", algorithm=algorithm, key_arn=None, key_state=None)
    elif finding == Finding.BUCKET_KEY_OFF:
        row = replace(row, bucket_key=False)
    elif finding == Finding.KEY_BY_ALIAS:
        row = replace(row, mode="alias/example")
    elif finding == Finding.SSE_C_NOT_BLOCKED:
        row = replace(row, sse_c=None)
    elif finding == Finding.KEY_UNUSABLE:
        row = replace(row, key_state="PendingImport", key_origin="EXTERNAL")
    return row


def _looked_up(finding: str) -> Entry:
    found = entry(finding.lower().replace("_", "-"))
    if found is not None:
        return found
    if finding == KEY_NOT_ALLOWED:
        raise UsageError(f"{finding} is no finding of a report", hint="a policy finds it, by its allowed_keys")
    near = difflib.get_close_matches(finding, [*Finding], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "'s3audit explain' lists them all"
    raise UsageError(f"no such finding: {finding}", hint=hint)


def _list(width: int) -> Iterator[str]:
    first = max(len(each.finding) for each in CATALOGUE)
    second = max(len(each.severity) for each in CATALOGUE)
    for each in CATALOGUE:
        head = f"{each.finding:{first}}  {each.severity:{second}}  "
        if len(head) + len(each.title) <= width:
            yield f"{head}{each.title}"
        else:
            yield from (head.rstrip(), *_wrapped(each.title, width))


def _page(each: Entry, width: int) -> Iterator[str]:
    yield click.style(each.finding, bold=True)
    yield from textwrap.wrap(f"{each.title} ({each.severity})", width)
    for heading, text in (("Meaning", each.meaning), ("Why it matters", each.why), ("How to mend it", each.mend)):
        yield f"\n{click.style(heading, bold=True)}"
        yield from _wrapped(text, width)
    calls = steps(each.finding, example(each.finding))
    if calls:
        yield f"\n{click.style('For example', bold=True)}"
        for call in calls:  # which are not broken: they are to be copied
            yield from _wrapped(call, width, "# ") if call.startswith("# ") else [f"  {call}"]
    yield f"\n{click.style('References', bold=True)}"
    for reference in each.references:
        yield from _wrapped(reference.title, width)
        yield f"    {reference.url}"


def _wrapped(text: str, width: int, mark: str = "") -> list[str]:
    text = text.removeprefix(mark)
    indent = f"  {mark}"
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
