"""An S3 server on loopback, and a bucket of the test's own in it."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from connectors.documents.cipher import Cipher
from connectors.documents.s3 import S3Documents

KEY = bytes(range(32))
REGION, KEY_ID, SECRET = "us-east-1", "a-key-id-of-the-tests", "a-secret-of-the-tests"


class Bucket(NamedTuple):
    """A bucket, and what lies in it."""

    endpoint: str
    name: str
    prefix: str

    def store(self, key: bytes = KEY) -> S3Documents:
        place = {"region": REGION, "endpoint": self.endpoint, "prefix": self.prefix}
        return S3Documents(self.name, Cipher(key), **place, key_id=KEY_ID, secret=SECRET)

    @property
    def seen(self) -> S3Store:
        """The bucket as whoever runs it sees it."""
        options = {"allow_http": True}
        keys = {"access_key_id": KEY_ID, "secret_access_key": SECRET}
        return S3Store(self.name, endpoint=self.endpoint, region=REGION, client_options=options, **keys)

    def raw(self) -> dict[str, bytes]:
        paths = [one["path"] for part in obstore.list(self.seen) for one in part]
        return {path.rpartition("/")[2]: bytes(obstore.get(self.seen, path).bytes()) for path in paths}

    def put_raw(self, digest: str, raw: bytes) -> None:
        obstore.put(self.seen, f"{self.prefix}/{digest[:2]}/{digest[2:4]}/{digest}", raw, use_multipart=False)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Its address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str) -> Bucket:
    made = Bucket(s3, f"documents-{uuid.uuid4().hex[:8]}", "kept")
    urllib.request.urlopen(urllib.request.Request(f"{s3}/{made.name}", method="PUT"), timeout=10).close()
    return made
