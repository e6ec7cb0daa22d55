"""Names raise doubt and never match."""

from __future__ import annotations

import pytest

from matchers.names import contradicts


@pytest.mark.parametrize(
    ("seen", "known", "doubt"),
    [
        pytest.param("王伟", ["王伟"], False, id="the same name is no contradiction"),
        pytest.param("王强", ["王伟"], True, id="another name is one"),
        pytest.param("王强", ["王伟", "王强"], False, id="a former name is none"),
        pytest.param(None, ["王伟"], False, id="a missing name is none"),
        pytest.param("", ["王伟"], False, id="an empty name is none"),
        pytest.param(" · ", ["王伟"], False, id="a name of separators alone is none"),
        pytest.param("王伟", [], False, id="an order without a name is none"),
        pytest.param("王伟", ["", " "], False, id="an order with blank names is none"),
        pytest.param("王　伟", ["王伟"], False, id="spaces do not count"),
        pytest.param("买买提·艾力", ["买买提艾力"], False, id="middle dots do not count"),
        pytest.param("买买提•艾力", ["买买提・艾力"], False, id="whichever middle dot it is"),
        pytest.param("ALI HASSAN", ["Ali Hassan"], False, id="case does not count"),
        pytest.param("Ａｌｉ", ["ali"], False, id="full width does not count"),
        pytest.param("Jean Luc", ["Jean-Luc"], True, id="a hyphen counts: the contract does not remove it"),
    ],
)
def test_a_contradiction_is_a_given_name_that_is_none_of_the_known(seen: str | None, known: list[str], doubt: bool) -> None:
    assert contradicts(seen, known) is doubt
