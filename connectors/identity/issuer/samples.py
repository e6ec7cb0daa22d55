"""The sample users of the local issuer: one or more of every role of the permission matrix. Nobody real is among them."""

from __future__ import annotations

from typing import Final, NamedTuple

from stream.core.authority import Grant, Role

COURT, PROVINCE, STATION, OFFICE = "440106", "44", "440304-B-0001", "440100-V-0001"


class Sample(NamedTuple):
    """Somebody to be while one tries things. A machine is its own client; ``name`` is what orders call a handler."""

    id: str
    zh: str
    en: str
    grants: tuple[Grant, ...]
    name: str | None = None
    machine: bool = False


def _at_court(role: Role) -> tuple[Grant, ...]:
    return (Grant(role, court=COURT),)


SAMPLES: Final = (
    Sample("handler", "承办法官", "handling judge", _at_court(Role.HANDLER), "李法官"),
    Sample("clerk", "书记员", "court clerk", _at_court(Role.CLERK), "陈书记员"),
    Sample(
        "supervisor", "高级法院监督人员", "supervisor of a high court", (Grant(Role.SUPERVISOR, province=PROVINCE),), "张督察"
    ),
    Sample("command", "最高法院执行指挥中心", "national execution command", (Grant(Role.COMMAND),), "赵指挥"),
    Sample("police", "省公安厅值班民警", "officer of a province's police", (Grant(Role.POLICE, province=PROVINCE),), "周警官"),
    Sample("station", "口岸边检值班民警", "officer of a border station", (Grant(Role.STATION, station=STATION),), "吴警官"),
    Sample(
        "vehicle-office", "车辆管理所经办人", "officer of a vehicle office", (Grant(Role.STATION, station=OFFICE),), "郑警官"
    ),
    Sample("registry", "登记机关管理员", "who runs the registries", (Grant(Role.REGISTRY),), "孙管理员"),
    Sample("auditor", "审计员", "auditor", (Grant(Role.AUDITOR),), "钱审计"),
    Sample("operator", "运维人员", "operator", (Grant(Role.OPERATOR),), "马运维"),
    Sample("court-system", "法院办案系统", "a court's own system", _at_court(Role.COURT_SYSTEM), machine=True),
    Sample(
        "court-reply",
        "法院反馈系统（仅可反馈）",
        "a court's system that may only answer",
        _at_court(Role.COURT_REPLY),
        machine=True,
    ),
)
BY_ID: Final = {sample.id: sample for sample in SAMPLES}


def sample_of(text: str) -> Sample | None:
    """The sample of that id, or else the first that has the role of that name."""
    having = (sample for sample in SAMPLES if sample.grants[0].role.value == text)
    return BY_ID.get(text) or next(having, None)
