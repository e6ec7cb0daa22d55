"""Builders shared by the tests of the connection to the courts."""

import datetime as dt
from typing import Any

from connectors.courts.signature import new_secret
from stream.core.notification import Notification

SECRET = new_secret(bytes(range(32)))
OTHER_SECRET = new_secret(bytes(range(1, 33)))
AT = dt.datetime(2026, 11, 24, 14, 14, 4, tzinfo=dt.UTC)


def notification(event_id: str = "5b6f3c0e-0000-5000-8000-000000000001", court: str = "440106", **data: Any) -> Notification:
    return Notification(
        id=event_id,
        type="chakong.hit.v1",
        subject=event_id,
        time=AT,
        data={"court": {"code": court}, "sighting": {"person": {"name": "王伟"}}, **data},
    )
