"""Pure decisions: what is worth saying of a bucket's encryption, as stable kebab-case ids.

The catalogue of what each of them means is in `findings.catalogue`, which the engine has no use for.
"""

from s3audit_async.findings.decisions import find, inapplicable
from s3audit_async.findings.ids import Finding

__all__ = ["Finding", "find", "inapplicable"]
