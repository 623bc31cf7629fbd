"""Where a report goes: a file that has its final name only when it is complete, or standard output.

A sink writes into memory (`Output.buffer`); `flush` hands that to the operating system in a thread, so that a slow
disk or a full pipe never blocks the event loop. What a flush wrote survives the end of this process, by whatever
cause; a power loss costs at most what was flushed in the last `SYNC_SECONDS`.
"""

from s3audit_async.output.exports import Target, export
from s3audit_async.output.file import PARTIAL_SUFFIX, SYNC_SECONDS, FileOutput, partial_of
from s3audit_async.output.ledger import LEDGER_SUFFIX, Ledger, is_side_file, lacking_beside, remove_stale
from s3audit_async.output.recording import FLUSH_BYTES, FLUSH_SECONDS, Output, record
from s3audit_async.output.rows import RowBuffer
from s3audit_async.output.spool import Spool
from s3audit_async.output.standard import StandardOutput
from s3audit_async.output.state import STATE_SUFFIX, FleetState, RunState, StateFile, Wanted

__all__ = [
    "FLUSH_BYTES",
    "FLUSH_SECONDS",
    "LEDGER_SUFFIX",
    "PARTIAL_SUFFIX",
    "STATE_SUFFIX",
    "SYNC_SECONDS",
    "FileOutput",
    "FleetState",
    "Ledger",
    "Output",
    "RowBuffer",
    "RunState",
    "Spool",
    "StandardOutput",
    "StateFile",
    "Target",
    "Wanted",
    "export",
    "is_side_file",
    "lacking_beside",
    "partial_of",
    "record",
    "remove_stale",
]
