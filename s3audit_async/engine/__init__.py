"""The engine: from a gateway to rows, by way of lanes. Knows nothing of boto or of report formats."""

from s3audit_async.engine.stream import RowStream

__all__ = ["RowStream"]
