"""Chooses rows by simple filters, as `region=eu-west-1`. A row of which nobody can tell is counted, and not chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import translate
from typing import TYPE_CHECKING

from s3audit_async import classify
from s3audit_async.analysis.summary import SSE_KMS, mode_of
from s3audit_async.assessment import assess, was_read
from s3audit_async.errors import UsageError
from s3audit_async.findings import Finding
from s3audit_async.sinks.columns import NARROW, WIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3audit_async.model import Row

MODE = "mode"
FINDING = "finding"
FIELDS = (*(column.name for column in WIDE if column.name != "findings"), MODE, FINDING)
"""What a filter can ask about: the names of the columns, the encryption by its usual name, each single finding."""

_FORM = re.compile(r"\s*(?P<field>[\w-]+)\s*(?P<operator>!=|=|~)(?P<value>.*)", re.DOTALL)
_HINT = "write FIELD=VALUE, FIELD!=VALUE or FIELD~GLOB"
_VALUES = {column.name: column.value for column in WIDE}
_NARROW = frozenset(column.name for column in NARROW)
_DSSE_KMS = "DSSE-KMS"
_KEY_TYPES = frozenset({classify.CUSTOMER_MANAGED, classify.AWS_MANAGED})
# A cell that is empty may say that there is no such thing, or that nobody knows.
_OF_EVERY_BUCKET = frozenset({"account", "region", "created", "audited_at"})
_OF_EVERY_KEY = frozenset(
    {"key_arn", "key_state", "key_account", "key_region", "key_origin", "multi_region", "key_spec"}
)
_DATES_OF_KEY = frozenset({"key_deletion_date", "key_valid_to"})
_OF_CONFIGURATION = frozenset({"bucket_key", "algorithm", "sse_c"}) | _OF_EVERY_KEY | _DATES_OF_KEY

Verdict = bool | None
"""Whether a row fits; None where nobody can tell."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter, as it was written, and its decision."""

    text: str
    decide: Callable[[Row], Verdict]


class Selection:
    """The rows that fit every filter; without one, all rows."""

    def __init__(self, filters: Iterable[Filter]) -> None:
        self.filters = tuple(filters)
        self.read = 0
        """Rows that were looked at."""
        self.undecided = 0
        """Rows that are left out because nobody can tell: no filter rules them out, but not every one lets them in."""

    def rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Let through what fits. Counts anew each time."""
        self.read = self.undecided = 0
        for row in rows:
            self.read += 1
            verdict = self._decide(row)
            if verdict:
                yield row
            elif verdict is None:
                self.undecided += 1

    def _decide(self, row: Row) -> Verdict:
        verdict: Verdict = True
        for each in self.filters:
            one = each.decide(row)
            if one is False:
                return False
            if one is None:
                verdict = None
        return verdict


def parse(text: str) -> Filter:
    """Read a filter. Raises `UsageError` for one that is not written as they are, and for what there is no field of."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"no filter: {text!r}", hint=_HINT)
    field, operator, value = match["field"].lower().replace("-", "_"), match["operator"], match["value"].strip()
    if field == "findings":
        field = FINDING
    if field not in FIELDS:
        raise UsageError(f"there is no field {match['field']!r} to filter by", hint=_nearest(field, FIELDS))
    if field == FINDING:
        decide = _of_findings(operator, value)
    elif operator != "~" and not value:
        decide = _of_emptiness(field)
    elif field == MODE:
        decide = _of_mode(_test_of(operator, value.upper()))
    elif field == _KEY_TYPE:
        decide = _of_key_type(_test_of(operator, value))
    else:
        decide = _of_column(field, (_test_of_flag if field in _FLAGS else _test_of)(operator, value))
    return Filter(text.strip(), _negated(decide) if operator == "!=" else decide)


_FLAGS = frozenset({"bucket_key", "multi_region"})
_CONFIGURED = "default_encryption_mode"
_KEY_TYPE = "sse_kms_key_type"


def _nearest(name: str, names: Iterable[str]) -> str:
    """Say which names there are, the ones that are like this one if there are such."""
    names = list(names)
    near = get_close_matches(name, names, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"


def _test_of(operator: str, value: str) -> Callable[[str], bool]:
    if operator == "~":
        matches = re.compile(translate(value)).match
        return lambda text: matches(text) is not None
    return lambda text: text == value


def _test_of_flag(operator: str, value: str) -> Callable[[str], bool]:
    """Test a flag in any case: in a report it stands as True or False."""
    if operator != "~" and value.lower() not in {"true", "false"}:
        raise UsageError(f"a flag is never {value!r}", hint="it is true or false, or nothing: write FIELD=true")
    fits = _test_of(operator, value.lower())
    return lambda text: fits(text.lower())


def _negated(decide: Callable[[Row], Verdict]) -> Callable[[Row], Verdict]:
    def negate(row: Row) -> Verdict:
        verdict = decide(row)
        return None if verdict is None else not verdict

    return negate


def _of_findings(operator: str, value: str) -> Callable[[Row], Verdict]:
    """Decide by the findings of a row. One that is empty asks for rows without any."""
    if operator == "~":
        fits = _test_of(operator, value)
    elif not value:
        return _has_none
    elif value in frozenset(Finding):
        fits = value.__eq__
    else:
        near = get_close_matches(value, list(Finding), n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"{FINDING}~{value} finds one of a later version"
        raise UsageError(f"there is no finding {value!r}", hint=hint)

    def decide(row: Row) -> Verdict:
        assessed = assess(row)
        if any(map(fits, assessed.found)):
            return True
        return None if any(map(fits, assessed.unknown)) else False

    return decide


def _has_none(row: Row) -> Verdict:
    assessed = assess(row)
    if assessed.found:
        return False
    return None if assessed.unknown else True


def _of_mode(fits: Callable[[str], bool]) -> Callable[[Row], Verdict]:
    """Decide by the mode. Four columns do not tell SSE-KMS from DSSE-KMS, so that both have to agree there."""

    def decide(row: Row) -> Verdict:
        mode = mode_of(row)
        verdict = fits(mode.upper())
        if not verdict and not was_read(row):
            return None  # what stands there is why nobody knows
        if row.findings is None and mode == SSE_KMS and fits(_DSSE_KMS) != verdict:
            return None
        return verdict

    return decide


def _of_key_type(fits: Callable[[str], bool]) -> Callable[[Row], Verdict]:
    """Decide by the type of the key. What is neither a type nor N/A says why nobody knows whose key it is."""

    def decide(row: Row) -> Verdict:
        if fits(row.key_type):
            return True
        if not was_read(row):
            return None
        if row.key_type in _KEY_TYPES or row.key_type == classify.NOT_APPLICABLE:
            return False
        return None if any(map(fits, _KEY_TYPES)) else False

    return decide


def _of_emptiness(field: str) -> Callable[[Row], Verdict]:
    """Decide whether nothing stands in a column: as it is, whatever the reason."""
    if field == MODE:
        return lambda _: False
    value = _VALUES[field]

    def decide(row: Row) -> Verdict:
        if row.findings is None and field not in _NARROW:
            return None
        return value(row) in {None, ""}

    return decide


def _of_column(field: str, fits: Callable[[str], bool]) -> Callable[[Row], Verdict]:
    """Decide by what stands in a column; nothing is an empty text, unless it says that nobody knows."""
    value = _VALUES[field]

    def decide(row: Row) -> Verdict:
        found = value(row)
        if found is None and _is_unknown(field, row):
            return None
        verdict = fits("" if found is None else str(found))
        return None if not verdict and field == _CONFIGURED and not was_read(row) else verdict

    return decide


def _is_unknown(field: str, row: Row) -> bool:
    """Tell whether an empty cell means that nobody knows, not that there is no such thing."""
    if row.findings is None and field not in _NARROW:
        return True
    if not was_read(row):
        return field in _OF_CONFIGURATION or field in _OF_EVERY_BUCKET
    if row.key_type != classify.NOT_APPLICABLE and (
        field in _OF_EVERY_KEY or (field in _DATES_OF_KEY and row.key_state is None)
    ):
        return True
    return field in _OF_EVERY_BUCKET
