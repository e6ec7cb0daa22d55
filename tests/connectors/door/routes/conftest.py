"""One verifier for all tests of the routes: what it takes to start its process is paid once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.documents.verifier import PdfSealVerifier
from tests.connectors.documents.sealed import NOW, write_trust


@pytest.fixture(scope="session")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PdfSealVerifier]:
    with PdfSealVerifier(write_trust(tmp_path_factory.mktemp("seals") / "trust"), lambda: NOW, processes=1) as made:
        yield made
