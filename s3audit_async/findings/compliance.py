"""Pure data: the requirements of published standards that a finding decides, and no further.

S3.17 passes for SSE-KMS and DSSE-KMS and fails for SSE-S3; its related requirements are those that its own page lists.
https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html
CIS named default encryption 2.1.1 in 1.4 and 1.5 only: from 2.0 on, 2.1.1 is another recommendation.
"""

from __future__ import annotations

from dataclasses import dataclass

from s3audit_async.findings.ids import Finding


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of one version of a standard."""

    standard: str
    id: str

    def __str__(self) -> str:
        return f"{self.standard} {self.id}"


_NIST_53 = "NIST.800-53.r5"
_NIST_171 = "NIST.800-171.r2"

_KMS_BY_DEFAULT = (
    Requirement("AWS Security Hub", "S3.17"),
    *(
        Requirement(_NIST_53, each)
        for each in (
            "SC-28",
            "SC-28(1)",
            "SC-12(2)",
            "SC-13",
            "SC-7(10)",
            "CA-9(1)",
            "CM-3(6)",
            "SI-7(6)",
            "AU-9",
        )
    ),
    *(Requirement(_NIST_171, each) for each in ("3.8.9", "3.13.11", "3.13.16")),
    Requirement("PCI DSS v4.0.1", "3.5.1"),
)
_ENCRYPTED_BY_DEFAULT = (
    Requirement("CIS AWS Foundations Benchmark v1.4.0", "2.1.1"),
    Requirement("CIS AWS Foundations Benchmark v1.5.0", "2.1.1"),
)
_DECIDED: dict[str, tuple[Requirement, ...]] = {
    Finding.NO_DEFAULT_ENCRYPTION: _KMS_BY_DEFAULT + _ENCRYPTED_BY_DEFAULT,
    Finding.SSE_S3_ONLY: _KMS_BY_DEFAULT,
    # While nobody could read the configuration, nobody can tell of these either.
    Finding.ENCRYPTION_UNREADABLE: _KMS_BY_DEFAULT + _ENCRYPTED_BY_DEFAULT,
    Finding.BUCKET_NOT_AUDITED: _KMS_BY_DEFAULT + _ENCRYPTED_BY_DEFAULT,
}


def requirements(finding: str) -> tuple[Requirement, ...]:
    """List the requirements whose outcome follows from this finding; none for most."""
    return _DECIDED.get(finding, ())
