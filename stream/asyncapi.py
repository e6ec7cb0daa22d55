"""The AsyncAPI 3.0 document of the engine: its topics, what stands on them, and who writes and reads what.

Operations are told from the engine's side: it receives what police and courts send. Each is tagged with the roles at its
other end. Schemas stand under ``components`` in the part of JSON Schema that draft 7, AsyncAPI's own, understands as well.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import (
    AUDIT,
    CANDIDATES,
    CASES,
    CONFIRMATIONS,
    DEADLETTERS,
    DEBTORS,
    ENDINGS,
    HITS,
    INBOX,
    INCIDENTS,
    INSTRUCTIONS,
    INTAKE,
    JUDGMENTS,
    NOTICES,
    ORDERS,
    QUERIES,
    QUERY_ANSWERS,
    REACHABILITY,
    RECEIPTS,
    RULES,
    topics,
)
from matchers.sighting import TOPIC_OF_KIND
from stream.core.notification import CONTENT_TYPE

VERSION: Final = "1.0.0"
KAFKA_BINDINGS: Final = "0.5.0"
HTTP_BINDINGS: Final = "0.3.0"
WEBHOOK: Final = "court.webhook"
_ROLES: Final = {
    "police": "police sensor systems 公安: send sightings",
    "court": "courts 人民法院: send orders, are told of hits",
    "station": "stations 站点: are asked to act on their own sightings",
    "engine": "the engine itself: steps on the way from a sighting to a court",
    "operator": "whoever runs the engine",
    "registry": "registries of the police 公安信息库: answer courts' questions",
}


class _Channel(NamedTuple):
    """What a topic holds: its messages, its key, and a sentence."""

    messages: tuple[str, ...]
    key: str
    says: str


class _Operation(NamedTuple):
    action: str
    channel: str
    role: str
    says: str
    groups: tuple[str, ...] = ()


_SIGHTING_KEY: Final = "any or none: the engine does not read it; the station's code keeps one station's sightings in order"
_CHANNELS: Final[dict[str, _Channel]] = {
    **{
        topic: _Channel(("sighting",), _SIGHTING_KEY, f"Sightings of the kind {kind}; any kind is read on any of these topics.")
        for kind, topic in TOPIC_OF_KIND.items()
    },
    INTAKE: _Channel(
        ("order", "release"),
        "the order's id",
        "Orders and releases that courts send: they go to orders once their documents bear their court's seal; kept 14 days.",
    ),
    ORDERS: _Channel(
        ("order", "release"), "the order's id", "Courts' orders and releases; kept for ever, so it can be replayed."
    ),
    CANDIDATES: _Channel(
        ("candidate",),
        "the JSON array of station code and sighting id",
        "Sightings that may hit. Personal data, most of it of people nobody seeks: access-controlled, kept for hours.",
    ),
    HITS: _Channel(("hit",), "the court's code", "Hits, explained; kept for ever."),
    INSTRUCTIONS: _Channel(("instruction",), "the station's code", "What stations are asked to do."),
    RECEIPTS: _Channel(("receipt",), "the hit's id", "Each step of a hit's story; kept for ever."),
    ENDINGS: _Channel(
        ("ending",), "the order's id", "Releases and amendments that the index has; what was told is looked through."
    ),
    CONFIRMATIONS: _Channel(("confirmation",), "the hit's id", "What courts answer to hits; kept for ever."),
    INBOX: _Channel(("notification",), "the court's code", "Notifications that courts fetch, each its own; kept for 30 days."),
    NOTICES: _Channel(("notice",), "the court's code", "Changes of the health of courts' endpoints; kept for 90 days."),
    AUDIT: _Channel(
        ("audit",),
        "the writer's id",
        "Who did what: accesses and operations, chained and signed; kept for ever. Personal data.",
    ),
    REACHABILITY: _Channel(
        ("reachability",), "a digest of the endpoint", "Tests of the courts' endpoints, and their answers; kept for 400 days."
    ),
    INCIDENTS: _Channel(
        ("incident",), "the incident's id", "Steps of incidents between the platforms, told to both sides; kept for ever."
    ),
    CASES: _Channel(("case",), "the case's id", "Cases (S2.1.1), whole and by versions; kept for ever. Personal data."),
    DEBTORS: _Channel(
        ("debtor", "debtor_removal"),
        "the entry's id",
        "Dishonest judgment debtors (S2.1.2); kept for ever. They raise no hit. Personal data.",
    ),
    JUDGMENTS: _Channel(
        ("judgment",), "the document's SHA-256", "Which documents are judgments, and of which case (S2.1.3); kept for ever."
    ),
    QUERIES: _Channel(
        ("query",), "the court's code", "Courts' questions to the registries (S2.2); kept for a day. Personal data."
    ),
    QUERY_ANSWERS: _Channel(
        ("query_answer",),
        "the court's code",
        "What the registries answer: the fields of the article alone (S2.2.1 to S2.2.5); kept for a day. Personal data.",
    ),
    RULES: _Channel(
        ("rules",), "the province's code", "Versions of the provinces' own rules, of either side (S5.3); kept for ever."
    ),
    DEADLETTERS: _Channel(
        ("deadletter",), "the source topic", "Records that could not be read or were refused, with their bytes. Personal data."
    ),
}
_OPERATIONS: Final[dict[str, _Operation]] = {
    **{
        f"screen{kind.title().replace('_', '')}": _Operation("receive", topic, "police", "Screened in batches.", ("screen",))
        for kind, topic in TOPIC_OF_KIND.items()
    },
    "takeIn": _Operation("receive", INTAKE, "court", "Checked with their documents, and sent on or buried.", ("intake",)),
    "sendOrder": _Operation("send", ORDERS, "engine", "What the intake, or the door, has checked; nobody else writes here."),
    **{
        f"keep{check}": _Operation("send", topic, "engine", "A desk asked at the door, and something was found.")
        for check, topic in {"CheckedVehicle": "sightings.vehicle", "CheckedExit": "sightings.border"}.items()
    },
    "followOrders": _Operation(
        "receive",
        ORDERS,
        "engine",
        "Every worker's filter follows all orders; one worker a partition indexes.",
        ("filter", "index"),
    ),
    "nominate": _Operation("send", CANDIDATES, "engine", "What the filter takes for a maybe."),
    "resolve": _Operation("receive", CANDIDATES, "engine", "Looked up and judged exactly.", ("worker",)),
    "announceHit": _Operation("send", HITS, "engine", "A sighting that an order's court must know of."),
    "deliverHit": _Operation("receive", HITS, "engine", "Told to the station and to the court.", ("worker",)),
    "instructStation": _Operation("send", INSTRUCTIONS, "station", "The station acts on its own sighting."),
    "recordReceipt": _Operation("send", RECEIPTS, "operator", "Every step of a delivery, and why it went so."),
    "tellOfEnding": _Operation("send", ENDINGS, "engine", "An order has ended or changed."),
    "withdraw": _Operation("receive", ENDINGS, "engine", "What was told is withdrawn or judged again.", ("worker",)),
    "confirm": _Operation(
        "receive",
        CONFIRMATIONS,
        "court",
        "A court's answer to a hit ends, prolongs or escalates the wait; to a test, it shows that somebody reads.",
    ),
    "fillInbox": _Operation("send", INBOX, "court", "For courts that cannot receive connections: they fetch it over HTTP."),
    "giveNotice": _Operation("send", NOTICES, "operator", "A court's endpoint fails, is gone or has recovered."),
    "putOnRecord": _Operation("send", AUDIT, "operator", "Every access and operation, refusals included, before its answer."),
    "recordIncident": _Operation("send", INCIDENTS, "operator", "Something is wrong, is told, is resolved (S4.5)."),
    "followIncidents": _Operation("receive", INCIDENTS, "engine", "Taken over into the view of incidents.", ("worker",)),
    "recordReachability": _Operation("send", REACHABILITY, "operator", "Every step of a test of an endpoint."),
    "takeCase": _Operation("receive", CASES, "court", "Into the view of cases.", ("views",)),
    "takeDebtor": _Operation("receive", DEBTORS, "court", "Into the view of dishonest debtors.", ("views",)),
    "takeJudgment": _Operation("receive", JUDGMENTS, "court", "Into the view of judgments.", ("views",)),
    "askRegistry": _Operation("send", QUERIES, "registry", "A question that an article grants, about a party of an open case."),
    "takeAnswer": _Operation("receive", QUERY_ANSWERS, "registry", "Where it stands, for whoever asked.", ("views",)),
    "recordRules": _Operation("send", RULES, "operator", "A province's court or police side changes its rules at the door."),
    "followRules": _Operation("receive", RULES, "engine", "Every worker and door follows all rules, outside any group."),
    "bury": _Operation("send", DEADLETTERS, "operator", "Nothing that cannot be read disappears."),
}
_TITLES: Final = {
    "sighting": "Sighting 轨迹",
    "order": "Order 令状",
    "release": "Release 解除",
    "candidate": "Candidate 待核",
    "hit": "Hit 命中",
    "instruction": "Station instruction 处置指令",
    "receipt": "Receipt 回执",
    "confirmation": "Confirmation 反馈",
    "notification": "Notification 通知",
    "ending": "Ending 终止",
    "notice": "Notice 渠道状态",
    "audit": "Audit record 审计记录",
    "reachability": "Reachability 通联",
    "incident": "Incident step 异常事件",
    "case": "Case 案件",
    "debtor": "Dishonest debtor 失信被执行人",
    "debtor_removal": "Removal from the list 移出名单",
    "judgment": "Judgment 裁判文书",
    "query": "Query 快速查询",
    "query_answer": "Answer to a query 查询结果",
    "rules": "Provincial rules 省级细则",
    "deadletter": "Dead letter 死信",
}


def document(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The document, from the wire's JSON Schemas by name. Topics are those of a deployment with default settings."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:chakong:engine",
        "info": {
            "title": "Chakong 查控",
            "version": VERSION,
            "description": (
                "A streaming engine that finds wanted persons and vehicles in police sightings and tells the court, after"
                " the opinion Fa [2016] No. 41 (法〔2016〕41号). Delivery is at least once: a repeat has the same id."
                " Unknown fields are tolerated and carried."
            ),
            "tags": [{"name": name, "description": says} for name, says in _ROLES.items()],
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {**_kafka_channels(), WEBHOOK: _webhook_channel()},
        "operations": {**_kafka_operations(), "notifyCourt": _notify_court()},
        "components": {"messages": _messages(schemas), "schemas": _components(schemas)},
    }


def _servers() -> dict[str, Any]:
    bootstrap = {"default": "127.0.0.1:9092", "description": "Kafka's bootstrap servers"}
    court = {"default": "court.example", "description": "as the deployment's endpoints file says, a court"}
    return {
        "kafka": {"host": "{bootstrap}", "protocol": "kafka", "variables": {"bootstrap": bootstrap}},
        "court": {"host": "{court}", "protocol": "https", "variables": {"court": court}},
    }


def _kafka_channels() -> dict[str, Any]:
    settings = KafkaSettings.model_construct()  # the defaults, whatever this machine's environment says
    made: dict[str, Any] = {}
    for topic in topics(settings):
        channel = _CHANNELS[topic.name]
        made[topic.name] = {
            "address": topic.name,
            "description": channel.says,
            "servers": [{"$ref": "#/servers/kafka"}],
            "messages": {name: {"$ref": f"#/components/messages/{_message_id(name, topic.name)}"} for name in channel.messages},
            "bindings": {
                "kafka": {
                    "topic": topic.name,
                    "partitions": topic.partitions,
                    "replicas": settings.replication,
                    "topicConfiguration": {
                        "cleanup.policy": ["delete"],
                        "retention.ms": topic.retention_ms,
                        "retention.bytes": -1,
                    },
                    "bindingVersion": KAFKA_BINDINGS,
                }
            },
        }
    return made


def _webhook_channel() -> dict[str, Any]:
    return {
        "address": None,
        "description": "A court's endpoint: POST, signed per Standard Webhooks. Any 2xx is delivery; 410 ends the endpoint.",
        "servers": [{"$ref": "#/servers/court"}],
        "messages": {"notification": {"$ref": "#/components/messages/notification"}},
    }


def _kafka_operations() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, operation in _OPERATIONS.items():
        made[name] = {
            "action": operation.action,
            "channel": {"$ref": f"#/channels/{operation.channel}"},
            "summary": operation.says,
            "tags": [{"name": operation.role}],
            "messages": [
                {"$ref": f"#/channels/{operation.channel}/messages/{message}"}
                for message in _CHANNELS[operation.channel].messages
            ],
        }
        if operation.groups:
            groups = [KafkaSettings.model_construct().group(group) for group in operation.groups]
            binding = {"groupId": {"type": "string", "enum": groups}, "bindingVersion": KAFKA_BINDINGS}
            made[name]["bindings"] = {"kafka": binding}
    return made


def _notify_court() -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{WEBHOOK}"},
        "summary": "A CloudEvents 1.0 event in structured JSON, retried until the court has it or the order ends.",
        "tags": [{"name": "court"}],
        "messages": [{"$ref": f"#/channels/{WEBHOOK}/messages/notification"}],
        "bindings": {"http": {"method": "POST", "bindingVersion": HTTP_BINDINGS}},
    }


def _messages(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for topic, channel in _CHANNELS.items():
        for name in channel.messages if topic != INTAKE else ():  # the messages of orders, once
            key = {"type": "string", "description": channel.key}
            message = _message(name, schemas[name], _examples_on(topic, schemas[name]["examples"]))
            made[_message_id(name, topic)] = message | {"bindings": {"kafka": {"key": key, "bindingVersion": KAFKA_BINDINGS}}}
    made[INBOX] |= {"contentType": CONTENT_TYPE}
    notification = _message("notification", schemas["notification"], schemas["notification"]["examples"])
    made["notification"] = notification | {"contentType": CONTENT_TYPE, "headers": _webhook_headers()}
    return made


def _message(name: str, schema: dict[str, Any], shown: list[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "title": _TITLES[name],
        "summary": schema["description"],
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "examples": [{"name": f"{name}{number}", "payload": payload} for number, payload in enumerate(shown, 1)],
    }


def _examples_on(topic: str, shown: list[Any]) -> list[Any]:
    """Of the sightings, the one that belongs on the topic."""
    kinds = {kind for kind, of_kind in TOPIC_OF_KIND.items() if of_kind == topic}
    return [payload for payload in shown if not kinds or payload["kind"] in kinds]


def _message_id(name: str, topic: str) -> str:
    return topic if name == "sighting" or topic == INBOX else name


def _webhook_headers() -> dict[str, Any]:
    signature = "v1, a comma, and the base64 HMAC-SHA256 of id.timestamp.body under the endpoint's secret"
    headers = {
        "webhook-id": "the event's id: the idempotency key",
        "webhook-timestamp": "Unix seconds of this attempt",
        "webhook-signature": signature,
    }
    properties = {name: {"type": "string", "description": says} for name, says in headers.items()}
    return {"type": "object", "required": list(headers), "properties": properties}


def _components(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Each schema, and each of its definitions beside it under ``schema.Definition``."""
    made: dict[str, Any] = {}
    for name, schema in schemas.items():
        left_out = {"$schema", "$id", "$defs", "examples"}
        made[name] = _moved({word: value for word, value in schema.items() if word not in left_out}, name)
        for part, definition in schema.get("$defs", {}).items():
            made[f"{name}.{part}"] = _moved(definition, name)
    return made


def _moved(schema: Any, name: str) -> Any:
    if isinstance(schema, list):
        return [_moved(item, name) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        word: value.replace("#/$defs/", f"#/components/schemas/{name}.")
        if word == "$ref" and isinstance(value, str)
        else _moved(value, name)
        for word, value in schema.items()
    }
