"""The built-in policies, as the texts that anyone could have written."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_AWS_FSBP = """\
title = "Encrypted with KMS keys (Security Hub S3.17)"
description = "Control S3.17 of AWS Security Hub: SSE-KMS or DSSE-KMS, whoever manages the key."

fail = [
  "no-default-encryption",
  "sse-s3-only",
]
"""

_CUSTOMER_KEY = """\
title = "Encrypted with a customer managed key that works"
description = "SSE-KMS or DSSE-KMS with a key of one's own that is enabled; with SSE-KMS, Bucket Key is on."

fail = [
  "no-default-encryption",
  "sse-s3-only",
  "aws-managed-key",
  "bucket-key-off",
  "key-disabled",
  "key-pending-deletion",
  "key-unusable",
  "key-not-found",
  "key-not-symmetric",
]
"""

_STRICT = """\
title = "Customer managed key by ARN, of the same account and region, and no SSE-C"
description = "All of customer-key; besides, SSE-C is blocked, and the key is of the bucket's account and region."

fail = [
  "no-default-encryption",
  "sse-s3-only",
  "aws-managed-key",
  "bucket-key-off",
  "key-disabled",
  "key-pending-deletion",
  "key-unusable",
  "key-not-found",
  "key-in-other-region",
  "key-in-other-account",
  "key-by-alias",
  "key-not-symmetric",
  "sse-c-not-blocked",
]
"""

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {"aws-fsbp": _AWS_FSBP, "customer-key": _CUSTOMER_KEY, "strict": _STRICT}
)
"""TOML texts by name, the mildest first."""
