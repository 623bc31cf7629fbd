"""The embedded account: moto in this process, filled with a seeded mix of buckets that shows every row of a report.

Importing this package is cheap and needs nothing beyond the standard library; moto and werkzeug, the `demo` extra,
are imported when a `DemoServer` starts.
"""

DEFAULT_BUCKETS = 300
