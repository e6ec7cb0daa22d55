"""A notification in words, for channels that people read: Chinese first, then English.

The words name the case and what is asked, never the person or vehicle: those stand in the event itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from stream.core.hit import Says
from stream.core.notification import EventType, Notification

SMS_SINGLE_UNITS: Final = 70
SMS_PART_UNITS: Final = 67
"""UCS-2 characters of a short message, alone or as a part of a longer one (3GPP TS 23.038 and 23.040)."""

_SHOWN: Final = 8
_SIGNATURE: Final = "【查控】"
_KINDS: Final[Mapping[EventType, Says]] = {
    "chakong.hit.v1": Says(zh="发现查控对象", en="hit"),
    "chakong.withdrawal.v1": Says(zh="撤回通知", en="withdrawal"),
    "chakong.overdue.v1": Says(zh="逾期未回复", en="overdue"),
    "chakong.incident.v1": Says(zh="运行事件", en="incident"),
    "chakong.endpoint.v1": Says(zh="通知渠道状态变化", en="endpoint health"),
    "chakong.test.v1": Says(zh="通联测试", en="reachability test"),
    "chakong.orders_lacking.v1": Says(zh="指令缺项清单", en="orders lacking something"),
}
_OTHER: Final = Says(zh="通知", en="notification")
_VALUES: Final[Mapping[str, Says]] = {
    "exit_restriction": Says(zh="限制出境", en="exit restriction"),
    "judicial_detention": Says(zh="司法拘留", en="judicial detention"),
    "vehicle_seizure": Says(zh="查封扣押车辆", en="vehicle seizure"),
    "confirmed": Says(zh="已确认", en="confirmed"),
    "verify": Says(zh="须先核实", en="verify first"),
    "none": Says(zh="不要求处置", en="nothing"),
    "report_only": Says(zh="仅报告", en="report only"),
    "deny_exit": Says(zh="不准出境", en="deny exit"),
    "deny_exit_and_hold_documents": Says(zh="不准出境并扣留证件", en="deny exit and hold documents"),
    "call_court": Says(zh="联系法院", en="call the court"),
    "refuse_registration": Says(zh="不予办理登记", en="refuse registration"),
    "fulfilled": Says(zh="已履行", en="fulfilled"),
    "revoked": Says(zh="已撤销", en="revoked"),
    "executed": Says(zh="已执行", en="executed"),
    "mistaken_identity": Says(zh="身份有误", en="mistaken identity"),
    "amended": Says(zh="已变更", en="amended"),
    "down": Says(zh="无法送达", en="cannot be reached"),
    "gone": Says(zh="已停用", en="gone, and disabled"),
    "recovered": Says(zh="已恢复", en="recovered"),
    "refused": Says(zh="拒收", en="refused"),
    "unreachable": Says(zh="无法连接", en="unreachable"),
    "timed_out": Says(zh="超时", en="timed out"),
    "address_refused": Says(zh="地址不被允许", en="address refused"),
    "endpoint_gone": Says(zh="答复410", en="answered 410"),
    "lag": Says(zh="处理滞后", en="lag"),
    "stale_index": Says(zh="索引陈旧", en="stale index"),
    "silent_source": Says(zh="来源中断", en="silent source"),
    "failing_endpoint": Says(zh="通知渠道失效", en="failing endpoint"),
    "filter_full": Says(zh="过滤器过满", en="filter too full"),
    "audit_gap": Says(zh="审计日志缺损", en="gap in the audit log"),
    "odd_querying": Says(zh="异常查询", en="odd querying"),
    "dead_letters": Says(zh="死信激增", en="surge of dead letters"),
    "by_hand": Says(zh="人工登记", en="opened by hand"),
    "opened": Says(zh="新发生", en="opened"),
    "reopened": Says(zh="重新打开", en="reopened"),
    "overdue": Says(zh="逾期", en="overdue"),
    "resolved": Says(zh="已解决", en="resolved"),
}
_FIELDS: Final[Mapping[str, Says]] = {
    "case_number": Says(zh="案号", en="Case"),
    "order_id": Says(zh="指令", en="Order"),
    "measure": Says(zh="措施", en="Measure"),
    "certainty": Says(zh="结论", en="Certainty"),
    "instruction": Says(zh="对警方的要求", en="Asked of the station"),
    "endpoint": Says(zh="渠道", en="Endpoint"),
    "health": Says(zh="状态", en="State"),
    "since": Says(zh="自", en="Since"),
    "recovered_at": Says(zh="恢复于", en="Recovered at"),
    "reason": Says(zh="原因", en="Reason"),
    "occurred_at": Says(zh="发生时间", en="Seen at"),
    "test_id": Says(zh="测试编号", en="Test"),
    "answer_by": Says(zh="请于此前回复", en="Answer by"),
    "step": Says(zh="进展", en="Step"),
    "kind": Says(zh="类别", en="Kind"),
    "about": Says(zh="涉及", en="About"),
    "opened_at": Says(zh="发现于", en="Opened at"),
    "resolve_by": Says(zh="请于此前解决", en="To be resolved by"),
}


class Letter(NamedTuple):
    """An e-mail's words."""

    subject: str
    text: str


def letter(notification: Notification) -> Letter:
    """The subject names the kind of news and the event, and nothing else."""
    kind = _KINDS.get(notification.type, _OTHER)
    told = [(name, notification.data[name]) for name in _FIELDS if isinstance(notification.data.get(name), str)]
    chinese = [f"{_FIELDS[name].zh}：{_word(value).zh}" for name, value in told]
    english = [f"{_FIELDS[name].en}: {_word(value).en}" for name, value in told]
    lines = [
        f"查控系统：{kind.zh}。",
        *chinese,
        "详情见附件（CloudEvents JSON）。本邮件由系统自动发出。",
        "",
        f"Chakong: {kind.en}.",
        *english,
        "Details are in the attachment (CloudEvents JSON). This message was sent automatically.",
        "",
        notification.id,
    ]
    return Letter(f"{_SIGNATURE}{kind.zh} Chakong {kind.en} {notification.id}", "\n".join(lines) + "\n")


def short_text(notification: Notification, parts_max: int) -> str:
    """A short message: kind, measure, health, case, and the start of the subject's id; cut to so many parts.

    A test's id is whole: there may be no other channel from which to take what its answer must name.
    """
    kind, data = _KINDS.get(notification.type, _OTHER), notification.data
    measure, case, health = data.get("measure"), data.get("case_number"), data.get("health")
    sentences = [
        kind.zh,
        *([f"措施{_word(measure).zh}"] if isinstance(measure, str) else []),
        *([f"状态{_word(health).zh}"] if isinstance(health, str) else []),
        *([f"案号{case}"] if isinstance(case, str) else []),
        f"编号{notification.subject if notification.type == 'chakong.test.v1' else notification.subject[:_SHOWN]}",
    ]
    text = f"{_SIGNATURE}{'，'.join(sentences)}。请登录系统查看并回复。"
    return _cut(text, SMS_SINGLE_UNITS if parts_max == 1 else parts_max * SMS_PART_UNITS)


def parts_of(text: str) -> int:
    """How many short messages a text takes."""
    units = _units(text)
    return 1 if units <= SMS_SINGLE_UNITS else -(-units // SMS_PART_UNITS)


def _units(text: str) -> int:
    """UTF-16 code units: what a character beyond the basic plane takes two of."""
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, units_max: int) -> str:
    while _units(text) > units_max:
        text = text[:-2] + "…"
    return text


def _word(value: str) -> Says:
    return _VALUES.get(value) or Says(zh=value, en=value)
