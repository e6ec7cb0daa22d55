"""Problems say in the caller's language what is wrong; Chinese first."""

import json

import pytest

from connectors.door.problems import KINDS, PROBLEM_TYPE, ProblemDocument, ProblemError, answer, language_of


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en, zh", "zh"),
        ("en;q=0.5, zh;q=0.4", "en"),
        ("en;q=nonsense", "zh"),
        ("en;q=0", "zh"),
        ("fr, de;q=0.5", "zh"),
        ("*", "zh"),
        ("EN-us ; q=1", "en"),
    ],
)
def test_the_language_that_is_preferred(header: str, language: str) -> None:
    assert language_of(header) == language


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_each_kind_is_a_problem_document(kind: str, language: str) -> None:
    response = answer(ProblemError(kind, detail="x: y"), language, "r-1")
    document = ProblemDocument.model_validate(json.loads(bytes(response.body)))
    assert (response.status_code, response.media_type) == (document.status, PROBLEM_TYPE)
    assert document.type == f"urn:chakong:problem:{kind}"
    assert document.title == getattr(KINDS[kind], language)
    assert (document.request_id, response.headers["content-language"]) == ("r-1", language)
