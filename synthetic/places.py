"""Provinces, regions and the stations that report (GB/T 2260; plate characters: GA 36).

Everything below the province is made up: prefectures and counties have plausible codes and a name that says it.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Province(NamedTuple):
    """`code`: two digits of GB/T 2260; "66" for the Xinjiang Production and Construction Corps."""

    code: str
    name: str
    plate: str


_TABLE: Final = (
    "11北京京 12天津津 13河北冀 14山西晋 15内蒙古蒙 21辽宁辽 22吉林吉 23黑龙江黑 31上海沪 32江苏苏 33浙江浙 "
    "34安徽皖 35福建闽 36江西赣 37山东鲁 41河南豫 42湖北鄂 43湖南湘 44广东粤 45广西桂 46海南琼 50重庆渝 "
    "51四川川 52贵州贵 53云南云 54西藏藏 61陕西陕 62甘肃甘 63青海青 64宁夏宁 65新疆新"
)
PROVINCES: Final = tuple(Province(p[:2], p[2:-1], p[-1]) for p in _TABLE.split())
CORPS: Final = Province("66", "新疆生产建设兵团", "新")

_MUNICIPALITIES: Final = frozenset({"11", "12", "31", "50"})
_AREAS: Final = {"66": ("659001", "659002", "659003", "659004")}
SEPARATE_REGIONS: Final = ("810000", "820000", "830000")
"""Hong Kong, Macau and Taiwan: region codes of their residents' residence permits."""


def areas(province: Province) -> tuple[str, ...]:
    """The six-digit codes of the province's areas in this world."""
    if province.code in _AREAS:
        return _AREAS[province.code]
    if province.code in _MUNICIPALITIES:
        return tuple(f"{province.code}01{n:02}" for n in range(1, 17))
    return tuple(f"{province.code}{city:02}{district:02}" for city in range(1, 5) for district in range(2, 6))


REGIONS: Final = tuple(area for province in PROVINCES for area in areas(province))


class Station(NamedTuple):
    code: str
    name: str
    province: str
    address: str


class Source(NamedTuple):
    """Where one kind of sighting comes from."""

    kind: str
    topic: str
    letter: str
    noun: str


SOURCES: Final = (
    Source("hotel_checkin", "sightings.hotel", "H", "旅馆"),
    Source("border_crossing", "sightings.border", "B", "口岸"),
    Source("vehicle_inspection", "sightings.vehicle", "V", "车辆查验站"),
    Source("identity_check", "sightings.identity", "I", "核查点"),
)
KINDS: Final = tuple(source.kind for source in SOURCES)
TOPICS: Final = tuple(source.topic for source in SOURCES)
TOPIC_OF: Final = {source.kind: source.topic for source in SOURCES}

_STATIONS_PER_AREA: Final = 2


def stations(source: Source) -> tuple[Station, ...]:
    """Every station of one source: two in each area of every province and of the Corps."""
    made = []
    for province in (*PROVINCES, CORPS):
        for area in areas(province):
            for n in range(1, _STATIONS_PER_AREA + 1):
                code = f"{area}-{source.letter}-{n:04}"
                made.append(Station(code, f"合成{source.noun}{n}", province.code, f"合成路{int(area[2:]) + n}号"))
    return tuple(made)
