"""A report as one self-contained HTML page: figures, charts, findings and a table of all buckets."""

from s3audit_async.analysis.html.page import write_page

__all__ = ["write_page"]
