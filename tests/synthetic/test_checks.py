import pytest

from synthetic.checks import credit_code, id_check, vin_check


@pytest.mark.parametrize("known", ["11010519491231002X", "440524188001010014"])  # GB 11643-1999's own examples
def test_known_resident_ids(known: str) -> None:
    assert id_check(known[:17]) == known[17]


@pytest.mark.parametrize("known", ["1M8GDM9AXKP042788", "11111111111111111", "5GZCZ43D13S812715"])  # published examples
def test_known_vins(known: str) -> None:
    assert vin_check(known[:8], known[9:]) == known[8]


@pytest.mark.parametrize("known", ["91350100M000100Y43"])  # GB 32100-2015's own example
def test_known_credit_codes(known: str) -> None:
    assert credit_code(known[:8], known[8:16]) == known
