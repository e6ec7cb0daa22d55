"""Every article that asks something of the software has a test of its own name: ``test_S2_2_1_…``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).resolve().parents[1]
ARTICLES: Final = (
    "S1",
    "S2.1.1",
    "S2.1.2",
    "S2.1.3",
    "S2.2.1",
    "S2.2.2",
    "S2.2.3",
    "S2.2.4",
    "S2.2.5",
    "S3.1",
    "S3.2",
    "S3.3",
    "S3.3b",
    "S3.4",
    "S4.2",
    "S4.3",
    "S4.4",
    "S4.5",
    "S5.1",
    "S5.2",
    "S5.3",
)
"""Of Fa [2016] No. 41, those that ask something of the software; S3.3b is the second paragraph of S3.3."""


def _tests() -> Iterator[str]:
    """The names of all test functions named after an article."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_S"):
                yield node.name


NAMES: Final = tuple(_tests())


def begins(article: str) -> str:
    """How the name of an article's test begins. It may go on with others that it is about, too."""
    return f"test_{article.replace('.', '_')}_"


@pytest.mark.parametrize("article", ARTICLES)
def test_an_article_has_a_test_of_its_name(article: str) -> None:
    assert [name for name in NAMES if name.startswith(begins(article))], f"no test is named {begins(article)}…"


def test_no_test_is_named_after_an_article_that_asks_nothing() -> None:
    known = tuple(begins(article) for article in (*ARTICLES, "S2.2"))
    assert [name for name in NAMES if not name.startswith(known)] == []
