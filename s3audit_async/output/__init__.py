"""Where a report goes: a file that has its final name only when it is complete, or standard output.

A sink writes into memory (`Output.buffer`); `flush` hands that to the operating system in a thread, so that a slow
disk or a full pipe never blocks the event loop. Power loss: the file is synced before it gets its final name, not at
each flush; what a flush wrote survives the end of this process, by whatever cause.
"""

from s3audit_async.output.file import PARTIAL_SUFFIX, FileOutput, partial_of
from s3audit_async.output.recording import FLUSH_BYTES, FLUSH_SECONDS, Output, record
from s3audit_async.output.standard import StandardOutput

__all__ = [
    "FLUSH_BYTES",
    "FLUSH_SECONDS",
    "PARTIAL_SUFFIX",
    "FileOutput",
    "Output",
    "StandardOutput",
    "partial_of",
    "record",
]
