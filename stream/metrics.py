"""What a worker tells Prometheus. Labels are kinds, outcomes, reasons and workers; never ids of people, places or cases."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

SCREENER: Final = CollectorRegistry()
"""The metrics of the screener, which is a process of its own: its worker tells them with its own."""
ProcessCollector(namespace="chakong_screener", registry=SCREENER)

sightings_screened: Final = Counter(
    "chakong_sightings_screened", "Sightings screened and acknowledged", ["topic"], registry=SCREENER
)
maybes: Final = Counter("chakong_maybes", "Sightings that the filter took for a maybe", registry=SCREENER)
dead_letters: Final = Counter("chakong_dead_letters", "Records that could not be read or were refused", ["reason"])
screen_seconds: Final = Histogram("chakong_screen_batch_seconds", "Screening one batch", buckets=_SECONDS, registry=SCREENER)
screening: Final = Gauge(
    "chakong_screening", "1 while this worker screens, 0 while it catches up or is fenced", registry=SCREENER
)
sighting_lag: Final = Gauge("chakong_sighting_lag", "Sightings of this worker's partitions not screened yet", registry=SCREENER)

orders_followed: Final = Gauge(
    "chakong_orders_followed", "Records of orders that this worker's filter holds", registry=SCREENER
)
orders_behind_seconds: Final = Gauge(
    "chakong_orders_behind_seconds", "Since this worker last held every order there was", registry=SCREENER
)
filter_fill: Final = Gauge("chakong_filter_fill_ratio", "Share of the filter's bits that are set", registry=SCREENER)
filter_false_positive_rate: Final = Gauge(
    "chakong_filter_false_positive_rate", "Estimated from the filter's fill", registry=SCREENER
)
generations: Final = Counter("chakong_generations_rebuilt", "Generations built anew", registry=SCREENER)

orders_indexed: Final = Counter("chakong_orders_indexed", "Records of orders applied to the index", ["decision"])
in_force_seconds: Final = Histogram(
    "chakong_in_force_everywhere_seconds", "From an order's arrival to its effect everywhere", ["action"], buckets=_SECONDS
)
in_index_seconds: Final = Histogram(
    "chakong_in_index_seconds", "From an order's arrival to its effect in the index", ["action"], buckets=_SECONDS
)
in_filters_seconds: Final = Histogram(
    "chakong_in_filters_seconds", "From an order's arrival to its effect in every worker's filter", ["action"], buckets=_SECONDS
)
slowest: Final = Counter("chakong_slowest_worker", "Orders that took effect in this worker's filter last", ["worker"])
withdrawn_seconds: Final = Histogram(
    "chakong_release_withdrawn_seconds", "From a release's arrival to a withdrawal's delivery", buckets=_SECONDS
)

judgements: Final = Counter("chakong_judgements", "Candidates judged", ["outcome"])
resolve_seconds: Final = Histogram("chakong_resolve_batch_seconds", "Resolving one batch of candidates", buckets=_SECONDS)
index_waits: Final = Counter("chakong_index_waits", "Times that resolving waited for the index", ["reason"])

rules_behind_seconds: Final = Gauge(
    "chakong_rules_behind_seconds", "Since this worker was last seen to hold all of the provinces' rules"
)
rules_refused: Final = Counter("chakong_rules_refused", "Records of provincial rules that were refused", ["reason"])

deliveries: Final = Counter("chakong_deliveries", "Steps of delivery", ["step", "reason"])
confirmations: Final = Counter("chakong_confirmations", "Answers of courts to hits", ["answer"])
escalations: Final = Counter("chakong_escalations", "Levels told of a hit that nobody answers", ["level", "why"])
taken_up: Final = Counter("chakong_taken_up", "Hits that waited in the ledger and were due", ["what"])
attempt_seconds: Final = Histogram("chakong_attempt_seconds", "One attempt at an endpoint", buckets=_SECONDS)
endpoint_changes: Final = Counter("chakong_endpoint_changes", "Changes of an endpoint's health", ["state"])
endpoint_news: Final = Counter("chakong_endpoint_news", "News to courts of their endpoints' health", ["kind", "fate"])
reachability_steps: Final = Counter("chakong_reachability_steps", "Steps of tests of endpoints", ["step"])
endpoints_reachable: Final = Gauge("chakong_endpoints_reachable", "Endpoints by what their tests say of them", ["state"])
orders_lacking: Final = Gauge(
    "chakong_orders_lacking", "Orders that lacked what news of a hit needs, when this worker listed them last", ["reason"]
)
incidents_open: Final = Gauge("chakong_incidents_open", "Open incidents, as the worker that watches sees them", ["kind"])
incidents_overdue: Final = Gauge(
    "chakong_incidents_overdue", "Incidents that are overdue, as the worker that watches sees them", ["why"]
)
incident_news: Final = Counter("chakong_incident_news", "News of incidents to a level of a side", ["side", "fate"])
hit_seconds: Final = Histogram("chakong_hit_seconds", "From detection to delivery to the court", buckets=_SECONDS)
loop_lag_seconds: Final = Histogram("chakong_loop_lag_seconds", "Lateness of the event loop's timer", buckets=_SECONDS)

feed_records: Final = Counter("chakong_feed_records", "Records of feeds applied to their views", ["topic", "outcome"])
odd_querying: Final = Counter("chakong_odd_querying", "Times that querying was found odd", ["oddity"])

LOOKBACK: Final = CollectorRegistry()
"""The metrics of the process that searches back: the worker that started it tells them with its own."""
ProcessCollector(namespace="chakong_lookback", registry=LOOKBACK)

lookback_waiting: Final = Gauge("chakong_lookback_waiting", "Records of orders not searched back for yet", registry=LOOKBACK)
lookback_share: Final = Gauge("chakong_lookback_share_done", "Share of the pass under way that is done", registry=LOOKBACK)
lookback_sightings: Final = Counter("chakong_lookback_sightings", "Sightings searched in passes", registry=LOOKBACK)
lookback_maybes: Final = Counter("chakong_lookback_maybes", "Sightings with a key that a pass seeks", registry=LOOKBACK)
lookback_orders: Final = Counter(
    "chakong_lookback_orders", "Placed and amended orders whose pass was made", ["fate"], registry=LOOKBACK
)
lookback_yields: Final = Counter(
    "chakong_lookback_yields", "Times that a pass stood back for live screening", registry=LOOKBACK
)

DOOR: Final = CollectorRegistry()
"""The metrics of the courts' door, which is a process of its own and serves them itself."""
ProcessCollector(namespace="chakong_door", registry=DOOR)

door_requests: Final = Counter("chakong_door_requests", "Requests of courts", ["route", "status"], registry=DOOR)
door_checks: Final = Counter("chakong_door_checks", "Checks of desks that wait", ["answer", "why"], registry=DOOR)
door_request_seconds: Final = Histogram(
    "chakong_door_request_seconds",
    "One request, the wait that it asks for included",
    ["route"],
    buckets=(*_SECONDS, 120.0),
    registry=DOOR,
)

INTAKE: Final = CollectorRegistry()
"""The metrics of the intake, which is a process of its own and serves them itself."""
ProcessCollector(namespace="chakong_intake", registry=INTAKE)

intake_records: Final = Counter(
    "chakong_intake_records", "Records of intake that were sent on or refused", ["outcome"], registry=INTAKE
)

REGISTRY: Final = CollectorRegistry()
"""The metrics of ``chakong registry``, which is a process of the police's side and serves them itself."""
ProcessCollector(namespace="chakong_registry", registry=REGISTRY)

registry_questions: Final = Counter(
    "chakong_registry_questions", "Questions of the fast query", ["category", "outcome"], registry=REGISTRY
)
registry_sources: Final = Counter(
    "chakong_registry_sources", "Sources that were asked", ["source", "outcome"], registry=REGISTRY
)
registry_source_seconds: Final = Histogram(
    "chakong_registry_source_seconds", "Asking one source", ["source"], buckets=_SECONDS, registry=REGISTRY
)
