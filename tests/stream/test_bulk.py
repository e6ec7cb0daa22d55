"""Rows of files, one at a time; and an import that goes on where it was, in the same file and in no other."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from stream.bulk import Position, Row, Rows
from tests.stream.core.test_bulk import ROW


def rows(path: Path, done: Position | None = None) -> list[Row]:
    return list(Rows(path, done or Position()))


def table(*lines: dict[str, str], head: list[str] | None = None) -> str:
    names = head or list(ROW)
    return "\n".join([",".join(names), *(",".join(f'"{line.get(name, "")}"' for name in names) for line in lines)]) + "\n"


def test_lines_of_json_are_given_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\n{"b"')
    assert [(row.line, row.raw, row.wrong) for row in rows(path)] == [(1, b'{"a": 1}', None), (3, b'{"b"', None)]
    zipped = tmp_path / "orders.ndjson.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    assert [row.raw for row in rows(zipped)] == [b'{"a": 1}', b'{"b"']


def test_a_cell_may_hold_a_line_end_and_a_bad_row_costs_that_row(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    good = table(ROW | {"person_name": "王\n伟"}, ROW | {"version": "x"}, ROW)
    path.write_text(good + "too,few\n" + table(ROW).splitlines()[1] + "\n")
    found = rows(path)
    assert [row.wrong and row.wrong.reason for row in found] == [None, "invalid_order", None, "not_csv", None]
    assert [row.line for row in found] == [2, 4, 5, 6, 7]
    assert found[2].raw == found[4].raw
    assert sum(row.size for row in found) < path.stat().st_size


def test_a_table_in_another_encoding_costs_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(table(ROW).encode().replace("王伟".encode(), "王伟".encode("gbk")))
    (row,) = rows(path)
    assert row.wrong is not None
    assert row.wrong.reason == "not_utf8"


@pytest.mark.parametrize("head", ["", "id,version,colour", "id,id"])
def test_a_table_whose_columns_are_not_known_is_not_begun(tmp_path: Path, head: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(head + "\n")
    with pytest.raises(ValueError, match="columns"):
        rows(path)


def test_it_goes_on_where_it_was_and_in_no_other_file(tmp_path: Path) -> None:
    path, place = tmp_path / "orders.ndjson", tmp_path / "orders.ndjson.position"
    path.write_bytes(b"".join(b'{"n":%d}\n' % n for n in range(10)))
    assert Position.load(place) == Position()
    first = Rows(path, Position())
    for row in list(first)[:4]:
        first.take(row)
    Position(4, first.digest, 3, 1).save(place)
    done = Position.load(place)
    rest = Rows(path, done)
    assert [row.raw for row in rest] == [b'{"n":%d}' % n for n in range(4, 10)]
    path.write_bytes(path.read_bytes() + b'{"n":10}\n')
    assert len(rows(path, done)) == 7
    for other in (b'{"n":9}\n' * 10, b'{"n":0}\n'):
        path.write_bytes(other)
        with pytest.raises(ValueError, match="does not begin with"):
            rows(path, done)
    place.write_text("{")
    with pytest.raises(ValueError, match="no position"):
        Position.load(place)
