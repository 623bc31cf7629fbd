"""Buckets of the kinds beside general purpose ones, as a stub account has them. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.stub.account import StubAccount

ENABLED = "ENABLED_BY_DEFAULT"
_SERVICE_OF = {"directory": "s3express", "table": "s3tables", "vector": "s3vectors"}


@dataclass(frozen=True, slots=True)
class StubOther:
    """A bucket of another kind than general: `directory`, `table` or `vector`.

    `algorithm=None` leaves the configuration out of the answer, as S3 Vectors may.
    """

    kind: str
    name: str
    region: str = "us-east-1"
    algorithm: str | None = "AES256"
    key: str | None = None

    def arn(self, account: StubAccount) -> str:
        """Spell its ARN."""
        return f"arn:{account.partition}:{_SERVICE_OF[self.kind]}:{self.region}:{account.id}:bucket/{self.name}"
