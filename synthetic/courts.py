"""Courts and their case handlers, in every province and in the Corps."""

from __future__ import annotations

from typing import Final, NamedTuple

from synthetic.dice import Dice
from synthetic.names import family_name
from synthetic.places import CORPS, PROVINCES, areas

HANDLERS_PER_COURT: Final = 4


class Handler(NamedTuple):
    name: str
    phone: str


class Court(NamedTuple):
    code: str
    name: str
    province: str
    case_mark: str
    """The province's character and the court's number, as case numbers bear them: 粤0106."""
    handlers: tuple[Handler, ...]


def courts(seed: int) -> tuple[Court, ...]:
    """One basic court an area. A handler's phone is a land line in form; no subscriber number begins with 0000."""
    made = []
    for province in (*PROVINCES, CORPS):
        for area in areas(province):
            dice = Dice(seed, b"court", int(area))
            handlers = tuple(
                Handler(f"{family_name(dice)}法官", f"0{dice.below(900) + 100}-0000{dice.below(10000):04}")
                for _ in range(HANDLERS_PER_COURT)
            )
            mark = "兵" if province is CORPS else province.plate
            name = f"{province.name}合成区{area[2:]}人民法院"
            made.append(Court(area, name, province.code, f"{mark}{area[2:]}", handlers))
    return tuple(made)
