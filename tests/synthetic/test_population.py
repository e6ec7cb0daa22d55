from collections import Counter, defaultdict
from itertools import islice
from typing import Any

from synthetic.people import People
from synthetic.population import organisation, population
from tests.synthetic import plain

ROWS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for _table, _fields in population(7, 400):
    ROWS[_table].append(_fields)


def test_the_same_seed_makes_the_same_rows_and_more_people_only_add() -> None:
    assert list(islice(population(7, 10), 50)) == list(islice(population(7, 10), 50))
    assert {str(row) for row in population(7, 10) if row[0] == "subjects"} <= {
        str(row) for row in population(7, 20) if row[0] == "subjects"
    }


def test_the_people_are_the_wanted_of_the_world_with_documents_valid_in_form() -> None:
    people = People(7, "wanted")
    for row in ROWS["identities"]:
        assert row["name"] == people[int(row["person"][1:])].name
    for row in ROWS["subjects"]:
        if row["type"] != "organisation_code":
            assert plain.document(row["type"], row["number"]) == (row["type"], row["number"])


def test_no_two_rows_share_what_must_be_one() -> None:
    keys = {"subjects": ("type", "number"), "border_crossings": ("id",), "hotel_stays": ("id",), "vehicles": ("vin",)}
    for table, names in keys.items():
        assert max(Counter(tuple(row[name] for name in names) for row in ROWS[table]).values()) == 1
    assert len({organisation(number) for number in range(0, 1000, 50)}) == 20
    assert {len(organisation(number)) for number in range(0, 1000, 50)} == {18}


def test_whoever_came_back_had_left_before() -> None:
    for row in ROWS["border_crossings"]:
        assert row["entered_at"] is None or row["entered_at"] > row["exited_at"]
    for row in ROWS["hotel_stays"]:
        assert row["check_out"] is None or row["check_out"] > row["check_in"]
