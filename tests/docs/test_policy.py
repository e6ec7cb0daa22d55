"""docs/policy.md tells the policy as it is, and its examples do what it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from watchlists.overlay import Rules
from watchlists.policy import Policy, PolicyError

ROOT = Path(__file__).resolve().parents[2]
NATION = tomllib.loads((ROOT / "watchlists/policy.toml").read_text("utf-8"))
PAGE = (ROOT / "docs/policy.md").read_text("utf-8")
BLOCKS = re.findall(r"^```toml( refused)?\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
OVERLAYS = [text for refused, text in BLOCKS if not refused and "[[rule]]" not in text]
REFUSED = [text for refused, text in BLOCKS if refused]


def table() -> dict[str, list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_the_table_is_the_policy() -> None:
    told = table()
    rules = Policy.national().rules
    assert list(told) == [rule.id for rule in rules]
    for rule in rules:
        measure, sightings, party_role, instruction, fresh, response, group = told[rule.id]
        assert measure.split()[0] == rule.measure
        assert sightings.replace(",", "").split() == [
            word for when in rule.when for word in _words(when.kind, when.direction or when.occasion)
        ]
        assert party_role == (rule.party_role or "any")
        assert instruction == (
            "the order's `control.requirement`" if rule.instruction == "requirement" else f"`{rule.instruction}`"
        )
        assert fresh == f"{rule.fresh_minutes} min"
        assert response == rule.response
        assert group == (f"{rule.group_minutes} min" if rule.group_minutes else "told at once")


def test_the_response_times_and_the_priority_are_the_policys() -> None:
    policy = Policy.national()
    for response, minutes in (
        ("urgent", policy.response_times.urgent_minutes),
        ("routine", policy.response_times.routine_minutes),
    ):
        assert f"| {response} | {minutes} min | `response`, `respond_within_s` = {minutes * 60} |" in PAGE
    assert ",".join(f"`{name}`" for name in policy.priority) in "".join(PAGE.split())


def test_S5_3_which_side_sets_what_is_told_as_the_policy_declares_it() -> None:
    told = re.findall(r"^\| (\w+) \w+ \| ([a-z ]+) \| ([a-z ]+) \| [a-z]", PAGE, flags=re.MULTILINE)
    parts = [row[0] for row in told if row[0] in Rules.model_fields]
    assert parts == list(Rules.model_fields)
    for side, column in (("court", 1), ("police", 2)):
        mine = [row[0] for row in told if row[0] in parts and row[column] != "no"]
        assert mine == list(NATION["province"][side])


def _words(kind: str, detail: str | None) -> list[str]:
    if kind == "vehicle_inspection":
        return [detail or kind]
    return [kind, detail] if detail else [kind]


def test_the_rule_shown_is_a_rule_of_the_policy() -> None:
    (shown,) = [text for _, text in BLOCKS if "[[rule]]" in text]
    (rule,) = tomllib.loads(shown)["rule"]
    real = next(real for real in Policy.national().rules if real.id == rule["id"])
    assert real == type(real).model_validate(rule)


@pytest.mark.parametrize("text", OVERLAYS)
def test_an_overlay_shown_is_accepted(text: str, tmp_path: Path) -> None:
    file = tmp_path / "overlay.toml"
    file.write_text(text, "utf-8")
    ((_, overlay),) = Policy.national().with_overlays([file]).overlays
    assert len(overlay.narrow) == text.count("[[narrow]]")


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_said_to_be_refused_is(text: str, tmp_path: Path) -> None:
    file = tmp_path / "overlay.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(PolicyError, match="narrow but never widen"):
        Policy.national().with_overlays([file])


def test_both_kinds_of_example_are_there() -> None:
    assert len(OVERLAYS) == 2
    assert len(REFUSED) == 4
