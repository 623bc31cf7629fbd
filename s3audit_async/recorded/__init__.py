"""One run of the engine into one report: what of the report is there, how the run ends, and what can be gone on with.

The command and the library's `audit_to_file` are both made of this.
"""

from s3audit_async.recorded.report import Report, unchecked
from s3audit_async.recorded.run import GRACE_SECONDS, Recording

__all__ = ["GRACE_SECONDS", "Recording", "Report", "unchecked"]
