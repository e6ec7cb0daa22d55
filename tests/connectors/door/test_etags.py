"""A version is a tag in quotes; whoever changes a thing names the one that they saw."""

import pytest

from connectors.door.etags import etag, names


@pytest.mark.parametrize("version", [1, 12, 10**20])
def test_a_tag_names_its_own_version(version: int) -> None:
    assert names(etag(version), version)
    assert names(f'"0", {etag(version)}', version)
    assert not names(etag(version), version + 1)


@pytest.mark.parametrize("header", ["", "*", "1", 'W/"1"', '"1', '"11"', '" 1"', '"W/"1""', "'1'"])
def test_what_is_not_the_tag_names_nothing(header: str) -> None:
    assert not names(header, 1)
