"""Policy: an overlay can narrow and never widen, and what would widen is refused by file and place."""

from __future__ import annotations

import datetime as dt
import json
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.sighting import Sighting, read_sighting
from stream.core.escalation import LEVELS
from watchlists.order import Order, read_order
from watchlists.overlay import Narrowing, Overlay, Situation
from watchlists.policy import INSTRUCTIONS, Allowed, Denied, Instruction, Named, Policy, PolicyError

BASES: dict[str, Any] = json.loads((Path(__file__).resolve().parents[1] / "cases" / "bases.json").read_text("utf-8"))
NATIONAL = Policy.national()
TOML = (resources.files("watchlists") / "policy.toml").read_text("utf-8")


def _order(base: str, role: str, province: str) -> Order:
    record = BASES[base]
    changed = {"case": record["case"] | {"party_role": role}, "court": record["court"] | {"province": province}}
    order = read_order(json.dumps(record | changed).encode())
    assert isinstance(order, Order)
    return order


def _sighting(base: str, province: str) -> Sighting:
    return read_sighting(json.dumps(BASES[base] | {"station": BASES[base]["station"] | {"province": province}}).encode())


ORDERS = [
    _order(base, role, province)
    for base, role, province in product(
        ("detention", "exit", "seizure"), ("judgment_debtor", "preservation_defendant"), ("44", "66")
    )
]
SIGHTINGS = [
    _sighting(base, province)
    for base, province in product([name for name, record in BASES.items() if "station" in record], ("44", "66"))
]
PAIRS = list(product(ORDERS, SIGHTINGS))
COVERED = [(rule.id, situation) for rule in NATIONAL.rules for situation in rule.when]
NARROWINGS = st.one_of(
    st.builds(Narrowing, rule=st.sampled_from([rule.id for rule in NATIONAL.rules])),
    st.sampled_from(COVERED).map(lambda pair: Narrowing(rule=pair[0], without=(pair[1],))),
    st.builds(
        lambda pair, role: Narrowing(rule=pair[0], without=(pair[1],), party_role=role),
        st.sampled_from(COVERED),
        st.sampled_from(["judgment_debtor", "preservation_defendant"]),
    ),
)
OVERLAYS = st.builds(
    Overlay,
    province=st.sampled_from(["44", "66"]),
    side=st.sampled_from(["police", "court"]),
    narrow=st.lists(NARROWINGS, max_size=4).map(tuple),
)


def as_toml(overlay: Overlay) -> str:
    lines = [f'province = "{overlay.province}"', f'side = "{overlay.side}"']
    if not overlay.narrow:
        lines.append("narrow = []")
    for narrowing in overlay.narrow:
        lines += ["[[narrow]]", f'rule = "{narrowing.rule}"']
        if narrowing.party_role:
            lines.append(f'party_role = "{narrowing.party_role}"')
        tables = [
            ", ".join(f'{name} = "{value}"' for name, value in situation.model_dump(exclude_none=True).items())
            for situation in narrowing.without
        ]
        lines.append("without = [" + ", ".join(f"{{ {table} }}" for table in tables) + "]")
    return "\n".join(lines)


@given(overlays=st.lists(OVERLAYS, max_size=3))
def test_no_overlay_makes_a_pair_hit_that_the_nation_does_not_let_hit(
    tmp_path_factory: pytest.TempPathFactory, overlays: list[Overlay]
) -> None:
    folder = tmp_path_factory.mktemp("overlays")
    files = []
    for number, overlay in enumerate(overlays):
        files.append(folder / f"{number}.toml")
        files[-1].write_text(as_toml(overlay), "utf-8")
    narrowed = NATIONAL.with_overlays(files)
    for order, sighting in PAIRS:
        national, here = NATIONAL.judge(order, sighting), narrowed.judge(order, sighting)
        if isinstance(here, Allowed):
            assert here == national
        elif isinstance(national, Allowed):
            assert here.why == "overlay"
            touched = {(o.side, o.province) for o in overlays if o.narrow}
            assert ("police", sighting.station.province) in touched or ("court", order.court.province) in touched
        else:
            assert here == national


def test_a_narrowing_takes_away_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "44.toml"
    file.write_text(
        'province = "44"\nside = "police"\n[[narrow]]\nrule = "detention"\nwithout = [{ kind = "vehicle_inspection" }]\n'
    )
    narrowed = NATIONAL.with_overlays([file])
    changed = {
        (order.measure, sighting.kind, sighting.station.province)
        for order, sighting in PAIRS
        if narrowed.judge(order, sighting) != NATIONAL.judge(order, sighting)
    }
    assert changed == {("judicial_detention", "vehicle_inspection", "44")}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('province = "44"\nside = "police"\n[[narrow]]\nrule = "hotel_for_debtors"', "narrow[0].rule"),
        (
            'province = "44"\nside = "police"\n[[narrow]]\nrule = "exit"\nwithout = [{ kind = "hotel_checkin" }]',
            "narrow[0].without",
        ),
        (
            'province = "44"\nside = "police"\n[[narrow]]\nrule = "return"\n[[narrow]]\nrule = "exit"\n'
            'without = [{ kind = "border_crossing", direction = "entry" }]',
            "narrow[1].without",
        ),
        ('province = "44"\nside = "police"\nnarrow = []\n[[rule]]\nid = "x"', "rule"),
        ('province = "44"\nside = "police"\n[[widen]]\nrule = "exit"', "widen"),
        ('province = "44"\nside = "police"\n[[narrow]]\nrule = "exit"\ninstruction = "deny_exit"', "narrow.0.instruction"),
        ('province = "44"\nside = "police"\n[[narrow]]\nrule = "exit"\nalso = [{ kind = "hotel_checkin" }]', "narrow.0.also"),
        (
            'province = "44"\nside = "police"\n[[narrow]]\nrule = "exit"\nwithout = [{ kind = "sauna" }]',
            "narrow.0.without.0.kind",
        ),
        ('province = "44"\nside = "police"\n[[narrow]]\nrule = "exit"\nresponse = "routine"', "narrow.0.response"),
        ('province = "44"\nside = "police"\nnarrow = []\n[response]\nurgent_minutes = 5\nroutine_minutes = 5', "response"),
        ('province = "44"\nside = "police"\nnarrow = []\npriority = ["none"]', "priority"),
        ('province = "all"\nside = "police"\nnarrow = []', "province"),
        ('province = "44"\nside = "both"\nnarrow = []', "side"),
        ('province = "44"\nside = "police"', "narrow"),
        ('province = 44"', "line 1"),
    ],
)
def test_what_widens_or_has_no_form_is_refused_by_file_and_place(tmp_path: Path, text: str, place: str) -> None:
    file = tmp_path / "guangdong.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(PolicyError) as caught:
        NATIONAL.with_overlays([file])
    assert "guangdong.toml" in str(caught.value)
    assert place in str(caught.value)


def test_an_overlay_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"\xff")
    for name in ("none.toml", "latin.toml"):
        with pytest.raises(PolicyError, match=name):
            NATIONAL.with_overlays([tmp_path / name])


def test_the_nations_rules_do_not_overlap() -> None:
    """So which one lets a pair hit does not hang on their order in the file."""
    for order, sighting in PAIRS:
        assert sum(rule.covers(order, Situation.of(sighting)) for rule in NATIONAL.rules) <= 1


def test_news_is_useful_until_check_out_where_that_is_known() -> None:
    stay = BASES["hotel"] | {"stay": {"check_out": "2026-11-26T12:00:00+08:00"}}
    until = NATIONAL.judge(ORDERS[0], read_sighting(json.dumps(stay).encode()))
    assert isinstance(until, Allowed)
    assert until.expires_at.isoformat() == "2026-11-26T12:00:00+08:00"
    last = BASES["hotel"] | {"occurred_at": "9999-12-31T23:59:59+00:00"}
    assert not isinstance(NATIONAL.judge(ORDERS[0], read_sighting(json.dumps(last).encode())), Denied)


def test_every_hit_has_a_time_to_answer_and_a_window_and_an_exit_has_none() -> None:
    minutes = {"urgent": 10, "routine": 60}
    for order, sighting in PAIRS:
        ruling = NATIONAL.judge(order, sighting)
        if isinstance(ruling, Denied):
            continue
        rule = next(rule for rule in NATIONAL.rules if rule.id == ruling.rule)
        assert ruling.response == rule.response
        assert ruling.respond_within == dt.timedelta(minutes=minutes[rule.response])
        leaves = Situation.of(sighting).direction == "exit"
        assert ruling.group_within == dt.timedelta(minutes=0 if leaves else rule.group_minutes)


def test_a_crossing_without_a_direction_is_told_at_once() -> None:
    fields = BASES["hotel"] | {"kind": "border_crossing", "crossing": {}}
    ruling = NATIONAL.judge(ORDERS[0], read_sighting(json.dumps(fields).encode()))
    assert isinstance(ruling, Allowed)
    assert (ruling.rule, ruling.group_within) == ("detention", dt.timedelta(0))


@given(st.lists(st.sampled_from(INSTRUCTIONS), min_size=1), st.randoms(use_true_random=False))
def test_the_strictest_is_one_of_them_and_none_is_stricter_in_any_order(instructions: list[Instruction], dice: Any) -> None:
    strictest = NATIONAL.strictest(instructions)
    assert strictest in instructions
    assert all(NATIONAL.strictest([strictest, other]) == strictest for other in instructions)
    dice.shuffle(instructions)
    assert NATIONAL.strictest(instructions) == strictest


def test_the_priority_goes_from_strictest_to_mildest() -> None:
    assert NATIONAL.priority == (
        "deny_exit_and_hold_documents",
        "deny_exit",
        "refuse_registration",
        "call_court",
        "report_only",
        "none",
    )
    with pytest.raises(ValueError, match="empty"):
        NATIONAL.strictest([])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (', "none"]', "]", "priority: .*none"),
        (', "none"]', ', "none", "call_court"]', "priority: .*call_court"),
        (', "none"]', ', "none", "arrest"]', "priority.6"),
        ("urgent_minutes = 10", "urgent_minutes = 61", "response: .*urgent_minutes is longer"),
        ("urgent_minutes = 10", "urgent_minutes = 0", "response.urgent_minutes"),
        ('response = "urgent"', 'response = "soon"', "rule.0.response"),
        ("group_minutes = 60", "group_minutes = -1", "rule.1.group_minutes"),
    ],
)
def test_a_national_policy_that_is_not_whole_is_refused_by_place(old: str, new: str, says: str) -> None:
    assert old in TOML
    with pytest.raises(PolicyError, match=f"^mine.toml: {says}") as caught:
        Policy.from_toml(TOML.replace(old, new, 1), "mine.toml")
    assert "overlay" not in str(caught.value)


def _overlay(side: str = "court", **rules: Any) -> Overlay:
    return Overlay.model_validate({"province": "44", "side": side, "narrow": (), **rules})


@pytest.mark.parametrize(
    ("overlay", "place"),
    [
        (_overlay(response={"urgent_minutes": 11, "routine_minutes": 60}), "response.urgent_minutes: longer"),
        (_overlay(response={"urgent_minutes": 10, "routine_minutes": 61}), "response.routine_minutes: longer"),
        (_overlay(group_minutes=481), "group_minutes: longer"),
        (_overlay(escalation=["high_court", "duty_desk", "national_command"]), "escalation: not some"),
        (_overlay(escalation=["duty_desk", "duty_desk", "national_command"]), "escalation: not some"),
        (_overlay(escalation=["president", "national_command"]), "escalation: not some"),
        (_overlay(escalation=["duty_desk"]), "escalation: without national_command"),
        (_overlay(liaison=[{"station": "440300-B-0001", "name": "张联络", "phone": "1"}]), "liaison[0]: each side"),
        (_overlay("police", liaison=[{"court": "440106", "name": "张联络", "phone": "1"}]), "liaison[0]: each side"),
        (_overlay(liaison=[{"court": "440106", "name": "张联络", "phone": "1"}] * 2), "liaison[1]: this place"),
        (_overlay("police", response={"urgent_minutes": 5, "routine_minutes": 5}), "response: not the police side's"),
        (_overlay("police", group_minutes=0), "group_minutes: not the police side's"),
        (_overlay("police", escalation=["national_command"]), "escalation: not the police side's"),
    ],
)
def test_S5_3_what_would_lengthen_pass_over_the_last_or_is_the_other_sides_is_told_by_place(
    overlay: Overlay, place: str
) -> None:
    (told,) = NATIONAL.widenings(overlay)
    assert told.startswith(place)
    assert "张联络" not in told


def test_S5_3_all_that_widens_is_told_at_once() -> None:
    told = NATIONAL.widenings(_overlay(narrow=[{"rule": "hotel"}], group_minutes=481, escalation=[]))
    assert [place.partition(":")[0] for place in told] == ["narrow[0].rule", "group_minutes", "escalation"]


def test_S5_3_a_courts_side_shortens_for_its_own_courts_and_a_police_side_is_not_heard_of_it() -> None:
    said = {"response": {"urgent_minutes": 5, "routine_minutes": 30}, "group_minutes": 20, "escalation": ["national_command"]}
    court = NATIONAL.narrowed([Named("44.court.1", _overlay(**said))])
    police = NATIONAL.narrowed([Named("44.police.1", _overlay("police", **said))])
    for order, sighting in PAIRS:
        national = NATIONAL.judge(order, sighting)
        assert police.judge(order, sighting) == national
        shortened = court.judge(order, sighting)
        if order.court.province == "44" and isinstance(national, Allowed) and isinstance(shortened, Allowed):
            assert shortened.respond_within == national.respond_within / 2
            assert shortened.group_within == min(national.group_within, dt.timedelta(minutes=20))
        else:
            assert shortened == national
    assert (court.escalation_of("44"), court.escalation_of("66")) == (("national_command",), NATIONAL.escalation)
    assert police.escalation_of("44") == NATIONAL.escalation


def test_S3_1_each_side_names_its_own_liaison_and_only_in_its_own_province() -> None:
    contacts = [{"court": "440106", "name": "张联络", "phone": "1"}, {"court": "310101", "name": "别省", "phone": "2"}]
    stations = [{"station": "440300-B-0001", "name": "赵联络", "phone": "3"}]
    policy = NATIONAL.narrowed(
        [Named("44.court.1", _overlay(liaison=contacts)), Named("44.police.1", _overlay("police", liaison=stations))]
    )
    court, station = policy.liaison_of_court("44", "440106"), policy.liaison_of_station("44", "440300-B-0001")
    assert (court and court.phone, station and station.phone) == ("1", "3")
    assert policy.liaison_of_court("31", "310101") is None
    assert policy.liaison_of_court(None, "440106") is None
    assert policy.liaison_of_station("44", "440300-B-0002") is None


def test_the_nations_levels_are_those_that_are_told() -> None:
    assert NATIONAL.escalation == LEVELS[1:]


def test_an_overlay_of_a_file_is_named_in_the_version_by_what_it_says(tmp_path: Path) -> None:
    names = set()
    for minutes in (5, 6):
        file = tmp_path / "44.toml"
        file.write_text(f'province = "44"\nside = "court"\nnarrow = []\ngroup_minutes = {minutes}', "utf-8")
        names.add(NATIONAL.with_overlays([file]).version_in("44"))
    assert len(names) == 2
    assert all(name.startswith(f"{NATIONAL.version}+44.court.file-") for name in names)
