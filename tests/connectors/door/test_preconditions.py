"""A change is made of the version that was read, or of none."""

from __future__ import annotations

import pytest

from connectors.door.preconditions import Conditions, must_match
from connectors.door.problems import ProblemError

HELD = '"44.court.3"'


@pytest.mark.parametrize(
    ("held", "made_of", "kind"),
    [
        (HELD, Conditions(HELD, is_first=False), None),
        (HELD, Conditions(f'"other", {HELD}', is_first=False), None),
        (None, Conditions(None, is_first=True), None),
        (HELD, Conditions('"44.court.2"', is_first=False), "precondition_failed"),
        (HELD, Conditions(None, is_first=True), "precondition_failed"),
        (HELD, Conditions(HELD, is_first=True), "precondition_failed"),
        (None, Conditions(HELD, is_first=False), "precondition_failed"),
        (HELD, Conditions(None, is_first=False), "precondition_required"),
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
