"""A change is made of the version that was read, or of none."""

from __future__ import annotations

import pytest

from connectors.door.preconditions import Conditions, etag, must_be_there, must_match, names
from connectors.door.problems import ProblemError

NAME = "44.court.3"
HELD = f'"{NAME}"'


@pytest.mark.parametrize(
    ("held", "made_of", "kind"),
    [
        (NAME, Conditions(HELD, is_first=False), None),
        (NAME, Conditions(f'"other", {HELD}', is_first=False), None),
        (None, Conditions(None, is_first=True), None),
        (NAME, Conditions('"44.court.2"', is_first=False), "precondition_failed"),
        (NAME, Conditions(None, is_first=True), "precondition_failed"),
        (NAME, Conditions(HELD, is_first=True), "precondition_failed"),
        (None, Conditions(HELD, is_first=False), "precondition_failed"),
        (NAME, Conditions(None, is_first=False), "precondition_required"),
        (None, Conditions(None, is_first=False), "precondition_required"),
    ],
)
def test_a_change_that_was_made_of_something_else_is_refused(held: str | None, made_of: Conditions, kind: str | None) -> None:
    if kind is None:
        must_match(held, made_of)
    else:
        with pytest.raises(ProblemError) as caught:
            must_match(held, made_of)
        assert caught.value.kind == kind


def test_S5_1_a_change_of_what_is_not_there_is_answered_as_of_what_is_anothers() -> None:
    with pytest.raises(ProblemError) as caught:
        must_be_there(None, Conditions(HELD, is_first=False))
    assert caught.value.kind == "not_found"
    must_be_there(NAME, Conditions(HELD, is_first=False))
    for is_first in (True, False):
        must_be_there(None, Conditions(None, is_first=is_first))


@pytest.mark.parametrize("version", [1, 12, 10**20])
def test_a_tag_names_its_own_version(version: int) -> None:
    assert names(etag(version), version)
    assert names(f'"0", {etag(version)}', version)
    assert not names(etag(version), version + 1)


@pytest.mark.parametrize("header", ["", "*", "1", 'W/"1"', '"1', '"11"', '" 1"', '"W/"1""', "'1'"])
def test_what_is_not_the_tag_names_nothing(header: str) -> None:
    assert not names(header, 1)
