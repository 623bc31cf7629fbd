"""What of an error answer is taken over: how long a server asks to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

import s3audit_async
from benchmarks.stub import Behaviour, ErrorAnswer, StubAccount, StubAws, StubBucket, first
from s3audit_async.aws.errors import retry_after
from s3audit_async.options import Options

DATE = "Tue, 24 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"x-amz-retry-after": "1500"}, 1.5),
        ({"retry-after": "2", "x-amz-retry-after": "1500"}, 2.0),
        ({"retry-after": "soon", "x-amz-retry-after": "1500"}, 1.5),
        ({"retry-after": "Tue, 24 Nov 2026 12:00:07 GMT", "date": DATE}, 7.0),
        ({"retry-after": "Tue, 24 Nov 2026 13:00:07 +0100", "date": DATE}, 7.0),
        ({"retry-after": "Tue, 24 Nov 2026 12:00:07 -0000", "date": DATE}, 7.0),
        ({"retry-after": "Tuesday, 24-Nov-26 12:00:07 GMT", "date": DATE}, 7.0),
        ({"retry-after": "Tue, 24 Nov 2026 11:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Tue, 24 Nov 2020 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Tue, 24 Nov 2020 11:00:00 GMT", "date": "today"}, 0.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Tue, 99 Nov 2026 12:00:00 GMT"}, None),
        ({"retry-after": "Tue, 24 Nov 99999999 12:00:00 GMT"}, None),
        ({"retry-after": ", ,"}, None),
        ({"x-amz-retry-after": DATE}, None),
    ],
)
def test_the_wait_that_a_server_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds or a date, the latter by the server's clock; what makes no sense is nothing."""
    assert retry_after(headers) == seconds


def test_a_date_is_compared_with_the_time_here_where_the_server_tells_none() -> None:
    """An answer without Date."""
    asked = retry_after({"retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)})
    assert asked is not None
    assert 3000 < asked <= 3600


async def test_a_date_in_retry_after_is_waited_for() -> None:
    """From the header on the wire to the wait that observers are told."""
    waits = []

    class Waits(s3audit_async.Observer):
        def retrying(self, retry: s3audit_async.model.Retry) -> None:
            waits.append(retry.wait)

    headers = (("Date", DATE), ("Retry-After", "Tue, 24 Nov 2026 12:00:01 GMT"))
    fault = first(1, ErrorAnswer(503, "SlowDown", headers=headers), operation="GetBucketEncryption")
    with StubAws(StubAccount(buckets=[StubBucket("only")]), Behaviour(faults=fault)) as stub:
        async with s3audit_async.audit(options=Options(endpoint_url=stub.url), observer=Waits()) as rows:
            assert [row.mode async for row in rows] == ["AES256"]
    assert len(waits) == 1
    assert 1 <= waits[0] < 2
