"""docs/findings.md, made from the catalogue: a test compares, `python -m tests.findings_page --write` renews."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.cli.explain import example
from s3audit_async.findings.catalogue import CATALOGUE
from s3audit_async.findings.mending import steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3audit_async.findings.catalogue import Entry

PAGE = Path(__file__).parents[1] / "docs" / "findings.md"

_HEAD = """\
# Findings

<!-- made from s3audit_async/findings/entries.py by `python -m tests.findings_page --write` -->

What s3audit can say of a bucket. A wide report (`--wide`, or any format but CSV) names the findings of each bucket;
`s3audit explain FINDING` prints what stands here. The ids are part of the report's format and stay; severities are in
the words of AWS Security Hub.

A finding is there, is not there, or nobody can tell: what is unknown counts neither as passed nor as failed. The
findings that only say so are *informational*. A report of four columns leaves more unknown than a wide one.

The calls are shown for an example bucket; s3audit never makes them. `PutBucketEncryption` replaces a bucket's whole
configuration, so each call repeats the parts that stay; `KEY_ARN` stands for the ARN of a key that you choose. Objects
that are in a bucket already stay as they are until they are copied.
"""


def page() -> str:
    """The whole page."""
    return "\n".join((_HEAD, *_table(), *(line for each in CATALOGUE for line in _section(each)))) + "\n"


def _table() -> Iterator[str]:
    yield "| finding | severity | |"
    yield "| --- | --- | --- |"
    for each in CATALOGUE:
        yield f"| [`{each.finding}`](#{each.finding}) | {each.severity} | {each.title} |"


def _section(each: Entry) -> Iterator[str]:
    yield f"\n## {each.finding}"
    yield f"\n**{each.title}** ({each.severity})"
    yield f"\n{each.meaning}"
    yield f"\n*Why it matters.* {each.why}"
    yield f"\n*How to mend it.* {each.mend}"
    yield "\n```sh"
    yield from steps(each.finding, example(each.finding))
    yield "```"
    yield "\nSee " + ", ".join(f"[{reference.title}]({reference.url})" for reference in each.references) + "."


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    PAGE.write_text(page())
