"""Every case in ``tests/cases``, through the command as a user runs it, and what the command does with files."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from stream.commands.scan import scan

CASES = Path(__file__).resolve().parents[2] / "cases"
BASES: dict[str, Any] = json.loads((CASES / "bases.json").read_text("utf-8"))
Json = dict[str, Any]


def all_cases() -> list[Any]:
    return [
        pytest.param(json.loads(line), id=f"{file.stem}: {json.loads(line)['claim']}")
        for file in sorted(CASES.glob("*.ndjson"))
        for line in file.read_text("utf-8").split("\n")
        if line
    ]


class Ran(NamedTuple):
    exit_code: int
    hits: list[Json]
    buried: list[Json]
    stderr: str


@pytest.mark.parametrize("case", all_cases())
def test_case(case: Json, tmp_path: Path) -> None:
    orders, sightings = [built(part) for part in case["orders"]], [built(part) for part in case["sightings"]]
    ran = run_scan(tmp_path, orders, sightings)
    truth = [{"sighting": 1} | hit for hit in case["hits"]]
    places = {(hit["sighting"]["station"]["code"], hit["sighting"]["id"]): hit for hit in ran.hits}
    assert len(ran.hits) == len(truth), f"{[hit['order_id'] for hit in ran.hits]}; buried: {ran.buried}"
    assert [hit["order_id"] for hit in ran.hits] == [hit["order"] for hit in truth]
    for hit, claims in zip(ran.hits, truth, strict=True):
        accepted = [line for n, line in enumerate(orders, 1) if n not in case.get("buried_orders", [])]
        check_hit(hit, claims, accepted, json.loads(sightings[claims["sighting"] - 1]))
    assert len(places) == len({hit["sighting"] for hit in truth})
    buried = [(Path(letter["source"]).stem, letter["line"]) for letter in ran.buried]
    assert buried == [("orders", n) for n in case.get("buried_orders", [])] + [
        ("sightings", n) for n in case.get("buried_sightings", [])
    ]
    assert ran.exit_code == (3 if buried else 0), ran.stderr
    for letter in ran.buried:
        lines = orders if Path(letter["source"]).stem == "orders" else sightings
        assert base64.b64decode(letter["bytes"]) == lines[letter["line"] - 1].encode()
        assert letter["record"] == lines[letter["line"] - 1]
        assert letter["reason"]
        assert letter["detail"]


def check_hit(hit: Json, claims: Json, orders: list[str], sighting: Json) -> None:
    """A hit against what the case claims of it, and against what the contract says of every hit."""
    order = next(
        order for order in map(read, orders) if (order["id"], order["version"]) == (hit["order_id"], hit["order_version"])
    )
    assert hit["id"] == formula(hit["order_id"], sighting["station"]["code"], sighting["id"])
    assert hit["verify_first"] is (hit["certainty"] == "verify")
    assert bool(hit["checks"]) is hit["verify_first"]
    assert hit["lookback"] is False
    assert hit["detected_at"] == hit["occurred_at"]
    assert hit["case_number"] == order["case"]["number"]
    assert hit["court"]["code"] == order["court"]["code"]
    assert hit["evidence"]
    for piece in hit["evidence"]:
        assert {"on", "sighting", "order", "rule"} <= piece.keys()
    beside = "person" if hit["measure"] == "vehicle_seizure" else "vehicle"
    as_sent = {name: value for name, value in sighting.items() if name != beside}
    assert without_room(hit["sighting"]) == without_room(as_sent)
    for name, field in (("certainty", "certainty"), ("instruction", "instruction"), ("version", "order_version")):
        if name in claims:
            assert hit[field] == claims[name], name
    if "evidence" in claims:
        assert [piece["rule"] for piece in hit["evidence"]] == claims["evidence"]
    if "phone" in claims:
        assert hit["handler"]["phone"] == claims["phone"]
    for part in claims.get("warnings", []):
        assert any(part in warning for warning in hit["warnings"]), hit["warnings"]
    if claims.get("warnings") == []:
        assert hit["warnings"] == []
    for name in claims.get("without", []):
        assert name not in hit["sighting"]
    for name, value in claims.get("carries", {}).items():
        assert hit["sighting"][name] == value
    for text in claims.get("nowhere", []):
        assert text not in json.dumps(hit, ensure_ascii=False)


class TestFiles:
    """What is read and how: gzip, standard input, several files, blank lines, line ends, damage."""

    order = json.dumps(BASES["detention"])
    hotel = json.dumps(BASES["hotel"])
    check = json.dumps(BASES["check"])

    def test_gzip_is_told_by_its_bytes(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_bytes(gzip.compress(self.order.encode()))
        (tmp_path / "sightings").write_bytes(gzip.compress(self.hotel.encode()) + gzip.compress(b"\n" + self.check.encode()))
        assert len(invoke(tmp_path, "sightings").hits) == 2

    def test_a_name_in_gz_does_not_make_it_gzip(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_text(self.order)
        (tmp_path / "sightings.gz").write_text(self.hotel)
        assert len(invoke(tmp_path, "sightings.gz").hits) == 1

    def test_several_files_in_their_order(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_text(self.order)
        (tmp_path / "b").write_text(self.check)
        (tmp_path / "a").write_text("{\n" + self.hotel)
        ran = invoke(tmp_path, "b", "a", "b")
        assert [hit["sighting"]["id"] for hit in ran.hits] == ["S-check", "S-hotel"]
        assert [(Path(letter["source"]).name, letter["line"]) for letter in ran.buried] == [("a", 1)]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\r\n\r\n", "\n   \n", "\n          \t   \r\n"])
    @pytest.mark.parametrize("last", [True, False])
    def test_blank_lines_and_line_ends(self, tmp_path: Path, end: str, last: bool) -> None:
        def write(name: str, *lines: str) -> None:
            (tmp_path / name).write_bytes((end.join(lines) + (end if last else "")).encode())

        write("orders", "", self.order)
        write("sightings", "", self.hotel, "{", self.check)
        ran = invoke(tmp_path, "sightings")
        assert [hit["sighting"]["id"] for hit in ran.hits] == ["S-hotel", "S-check"]
        (letter,) = ran.buried
        assert letter["record"] == "{"
        assert letter["line"] == 2 * end.count("\n") + 1
        assert ran.exit_code == 3

    def test_a_byte_order_mark_is_no_part_of_the_first_record(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_bytes(b"\xef\xbb\xbf" + self.order.encode())
        (tmp_path / "sightings").write_bytes(b"\xef\xbb\xbf" + self.hotel.encode())
        ran = invoke(tmp_path, "sightings")
        assert len(ran.hits) == 1
        assert ran.exit_code == 0

    def test_empty_files_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_bytes(b"")
        (tmp_path / "sightings").write_bytes(b"")
        assert invoke(tmp_path, "sightings")[:3] == (0, [], [])

    def test_bytes_that_are_not_utf8_are_buried_as_they_were(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_text(self.order)
        (tmp_path / "sightings").write_bytes(b'{"id": "\xff\xfe"}\n' + self.hotel.encode())
        ran = invoke(tmp_path, "sightings")
        assert len(ran.hits) == 1
        assert base64.b64decode(ran.buried[0]["bytes"]) == b'{"id": "\xff\xfe"}'

    def test_a_line_over_the_record_limit_is_buried_and_its_neighbours_are_judged(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_text(self.order)
        long = json.dumps(BASES["hotel"] | {"id": "long", "photo": "x" * (3 << 20)})
        (tmp_path / "sightings").write_text("\n".join([self.hotel, long, self.check]))
        ran = invoke(tmp_path, "sightings")
        assert [hit["sighting"]["id"] for hit in ran.hits] == ["S-hotel", "S-check"]
        assert [(letter["line"], letter["reason"]) for letter in ran.buried] == [(2, "too_long")]

    def test_a_file_of_many_blocks_keeps_every_line(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_text(self.order)
        nobody = json.dumps(BASES["hotel"] | {"person": {"document": {"type": "passport", "number": "X1"}}})
        lines = [nobody] * 9000
        for place in (0, 4000, 8999):
            lines[place] = json.dumps(BASES["hotel"] | {"id": f"S{place}"})
        lines[6000] = "broken"
        (tmp_path / "sightings").write_text("\n".join(lines))
        ran = invoke(tmp_path, "sightings")
        assert [hit["sighting"]["id"] for hit in ran.hits] == ["S0", "S4000", "S8999"]
        assert [letter["line"] for letter in ran.buried] == [6001]

    @pytest.mark.parametrize("cut", [0.5, 0.999])
    @pytest.mark.parametrize("lines", [400, 40_000])
    def test_a_cut_gzip_is_judged_as_far_as_it_goes(self, tmp_path: Path, cut: float, lines: int) -> None:
        (tmp_path / "orders").write_text(self.order)
        noise = "\n".join(json.dumps({"id": str(uuid.uuid4())}) for _ in range(lines))
        whole = gzip.compress((self.hotel + "\n" + noise).encode())
        (tmp_path / "a").write_bytes(whole[: int(len(whole) * cut)])
        (tmp_path / "b").write_text(self.check)
        ran = invoke(tmp_path, "a", "b")
        assert [hit["sighting"]["id"] for hit in ran.hits] == ["S-hotel", "S-check"]
        assert ran.buried[-1]["reason"] == "damaged_file"
        assert ran.exit_code == 3

    def test_a_damaged_gzip_of_sightings_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_text(self.order)
        whole = bytearray(gzip.compress(self.hotel.encode()))
        whole[20:40] = b"\xff" * 20
        (tmp_path / "a").write_bytes(whole)
        assert invoke(tmp_path, "a").exit_code == 3

    def test_damaged_orders_judge_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_bytes(gzip.compress(self.order.encode())[:-12])
        (tmp_path / "sightings").write_text(self.hotel)
        ran = invoke(tmp_path, "sightings")
        assert ran.exit_code == 2
        assert ran.hits == []

    @pytest.mark.parametrize("zipped", [True, False])
    @pytest.mark.parametrize("orders_from_stdin", [True, False])
    def test_standard_input(self, tmp_path: Path, zipped: bool, orders_from_stdin: bool) -> None:
        (tmp_path / "orders").write_text(self.order)
        (tmp_path / "sightings").write_text(self.hotel)
        given = (self.order if orders_from_stdin else self.hotel).encode()
        names = ["-", tmp_path / "sightings"] if orders_from_stdin else [tmp_path / "orders", "-"]
        done = subprocess.run(
            [sys.executable, "-m", "stream.cli", "scan", "--orders", *map(str, names)],
            input=gzip.compress(given) if zipped else given,
            capture_output=True,
            cwd=CASES.parent.parent,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["order_id"] == "D"
        assert "hits" in done.stderr.decode()

    def test_a_reader_that_leaves_early_is_no_crash(self, tmp_path: Path) -> None:
        (tmp_path / "orders").write_text(self.order)
        lines = (json.dumps(BASES["hotel"] | {"id": str(n)}) for n in range(3000))
        (tmp_path / "sightings").write_text("\n".join(lines))
        command = [sys.executable, "-m", "stream.cli", "scan", "--orders", tmp_path / "orders", tmp_path / "sightings"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=CASES.parent.parent) as done:
            assert done.stdout is not None
            assert done.stderr is not None
            done.stdout.readline()
            done.stdout.close()
            assert b"Traceback" not in done.stderr.read()


class TestUsage:
    """Exit code 2: wrong usage, told before anything is read."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> Path:
        (tmp_path / "orders").write_text(TestFiles.order)
        (tmp_path / "sightings").write_text(TestFiles.hotel)
        return tmp_path

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["--orders", "orders"], "SIGHTINGS"),
            (["sightings"], "--orders"),
            (["--orders", "none", "sightings"], "none"),
            (["--orders", "orders", "none"], "none"),
            (["--orders", "orders", "."], "."),
            (["--orders", "-", "-"], "only once"),
            (["--orders", "orders", "-", "-"], "only once"),
            (["--orders", "orders", "sightings", "--wall-clock"], "--wall-clock"),
            (["--orders", "orders", "sightings", "--deadletters", "none/deep"], "deadletters"),
            (["--orders", "orders", "sightings", "--deadletters", "sightings"], "overwrite"),
            (["--orders", "orders", "sightings", "--deadletters", "orders"], "overwrite"),
            (["--orders", "orders", "sightings", "--overlay", "none.toml"], "none.toml"),
        ],
    )
    def test_wrong_usage(self, files: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str) -> None:
        monkeypatch.chdir(files)
        done = CliRunner().invoke(scan, arguments)
        assert done.exit_code == 2
        assert says in done.stderr
        assert done.stdout == ""
        assert (files / "sightings").read_text() == TestFiles.hotel

    def test_an_overlay_narrows_the_scan(self, files: Path) -> None:
        overlay = files / "44.toml"
        overlay.write_text('province = "44"\nside = "police"\n[[narrow]]\nrule = "detention"\n')
        done = CliRunner().invoke(
            scan, ["--orders", str(files / "orders"), str(files / "sightings"), "--overlay", str(overlay)]
        )
        assert done.exit_code == 0
        assert done.stdout == ""

    def test_an_overlay_that_widens_is_refused_by_name_and_place(self, files: Path) -> None:
        overlay = files / "44.toml"
        overlay.write_text(
            'province = "44"\nside = "police"\n[[narrow]]\nrule = "exit"\nwithout = [{kind = "hotel_checkin"}]\n'
        )
        done = CliRunner().invoke(
            scan, ["--orders", str(files / "orders"), str(files / "sightings"), "--overlay", str(overlay)]
        )
        assert done.exit_code == 2
        assert "44.toml" in done.stderr
        assert "narrow[0].without" in done.stderr

    def test_without_a_file_for_them_dead_letters_still_count(self, files: Path) -> None:
        (files / "sightings").write_text("{")
        done = CliRunner().invoke(scan, ["--orders", str(files / "orders"), str(files / "sightings")])
        assert done.exit_code == 3
        assert "--deadletters" in done.stderr


def built(part: str | Json) -> str:
    """The line that a part of a case stands for."""
    if isinstance(part, str):
        return json.dumps(BASES[part], ensure_ascii=False)
    if "raw" in part:
        return str(part["raw"])
    record = copy.deepcopy(BASES[part["base"]])
    for path, value in part.get("set", {}).items():
        holder, last = holder_of(record, path)
        holder[last] = value
    for path in part.get("drop", []):
        holder, last = holder_of(record, path)
        del holder[last]
    return json.dumps(record, ensure_ascii=False)


def holder_of(record: Any, path: str) -> tuple[Any, Any]:
    *way, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    for step in way:
        record = record[step]
    return record, last


def formula(order_id: str, station: str, sighting: str) -> str:
    """The contract's words, by other means than the engine's: the name is joined by hand."""
    namespace = uuid.uuid5(uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8"), "urn:chakong:hit")
    texts = (json.dumps(text, ensure_ascii=False) for text in (order_id, station, sighting))
    return str(uuid.uuid5(namespace, "[" + ",".join(texts) + "]"))


def read(line: str) -> Json:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    return value if isinstance(value, dict) and "id" in value else {"id": None}


def without_room(fields: Json) -> Json:
    """A sighting as it can be compared: less the room, which some cases damage beyond JSON."""
    return fields | {"stay": {**fields["stay"], "room": None}} if isinstance(fields.get("stay"), dict) else fields


def run_scan(folder: Path, orders: list[str], sightings: list[str]) -> Ran:
    (folder / "orders").write_bytes("\n".join(orders).encode())
    (folder / "sightings").write_bytes("\n".join(sightings).encode())
    return invoke(folder, "sightings")


def invoke(folder: Path, *sightings: str) -> Ran:
    graves = folder / "deadletters"
    paths = [os.fspath(folder / name) for name in sightings]
    done = CliRunner().invoke(scan, ["--orders", str(folder / "orders"), *paths, "--deadletters", str(graves)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    hits = [json.loads(line) for line in done.stdout_bytes.decode().split("\n") if line]
    buried = [json.loads(line) for line in graves.read_text("utf-8").split("\n") if line] if graves.exists() else []
    return Ran(done.exit_code, hits, buried, done.stderr)
