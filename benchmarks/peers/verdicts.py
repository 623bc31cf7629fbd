"""What a tool says of each bucket, held against what the account holds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.stub import StubAccount, StubBucket

_KMS = frozenset({"aws:kms", "aws:kms:dsse"})


class Verdict(NamedTuple):
    """What is said of one bucket: whether it is encrypted by default at all, and with KMS. None where nothing is."""

    encrypted: bool | None
    kms: bool | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How many buckets a tool was right about, wrong about, and said nothing of."""

    right: int
    wrong: int
    lost: int


def truth(bucket: StubBucket) -> Verdict:
    """Tell what is so. SSE-KMS with two layers is KMS, too."""
    algorithm = bucket.rules[0].algorithm if bucket.rules else None
    return Verdict(algorithm is not None, algorithm in _KMS)


def judge(account: StubAccount, said: Mapping[str, Verdict]) -> Judgement:
    """Count. A bucket is right if everything that is said of it is; verdicts on other buckets count for nothing."""
    right = wrong = lost = 0
    for bucket in account.index:
        verdict = said.get(bucket.name)
        if verdict is None or verdict == Verdict(None, None):
            lost += 1
        elif all(word in {None, fact} for word, fact in zip(verdict, truth(bucket), strict=True)):
            right += 1
        else:
            wrong += 1
    return Judgement(right, wrong, lost)
