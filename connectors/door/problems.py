"""What the door says when it does not do what was asked: RFC 9457 problems, in Chinese or English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

PROBLEM_TYPE: Final = "application/problem+json"
Language = Literal["zh", "en"]


class Kind(NamedTuple):
    """A kind of problem: its status, and what it says."""

    status: int
    zh: str
    en: str


KINDS: Final[dict[str, Kind]] = {
    "unauthorized": Kind(401, "未出示有效令牌", "No valid token was shown"),
    "forbidden": Kind(403, "该身份无权进行此操作", "This is not open to the role that was shown"),
    "query_refused": Kind(
        403,
        "《意见》不允许此项查询，详见 says 与 articles",
        "The opinion does not allow this query: see says and articles",
    ),
    "not_found": Kind(404, "没有此资源", "There is no such thing here"),
    "method_not_allowed": Kind(405, "不支持此方法", "This method is not supported here"),
    "not_covered": Kind(409, "尚无检查点覆盖此记录，请稍候", "No checkpoint covers this record yet: wait a little"),
    "ended": Kind(
        409,
        "该令状已解除，解除不可撤销；请以新编号重新下达",
        "The order was released, which is final: place a new order under a new id",
    ),
    "stale_version": Kind(409, "已有相同或更高版本", "The same or a higher version is held already"),
    "cursor_gone": Kind(
        410,
        "游标所指位置的通知已超过保存期或不复存在；可从 resume_after 继续，其间的通知请与运行方核对",
        "Notifications after this cursor are no longer kept. Go on with resume_after; ask the operator about what lay between",
    ),
    "precondition_failed": Kind(
        412,
        "所持版本与 If-Match 或 If-None-Match 不符，请先取得当前版本",
        "What is held is not what If-Match or If-None-Match says: fetch it first",
    ),
    "too_large": Kind(413, "请求内容过大", "The body is too large"),
    "invalid": Kind(422, "请求内容有误，详见 detail", "The request is not right: see detail"),
    "document_missing": Kind(422, "文书库中没有该摘要对应的文书", "No document with this digest is in the store"),
    "widens": Kind(
        422,
        "省级细则只能收紧、不得放宽全国规则，详见 widens",
        "A province's rules can narrow the nation's and never widen them: see widens",
    ),
    "key_reused": Kind(
        422, "同一 Idempotency-Key 已用于内容不同的请求", "This Idempotency-Key was used for a request with another content"
    ),
    "document_refused": Kind(422, "文书未予接收，原因见 reason", "The document was not kept: see reason"),
    "documents_refused": Kind(
        422,
        "令状所列文书未全部到齐并通过印章验证，令状未下达；逐件原因见 documents",
        "Not every document of the order is here and bears its court's seal, so it was not placed: see documents",
    ),
    "precondition_required": Kind(
        428,
        '新建须带 If-None-Match: *，变更须带 If-Match: "所持版本"',
        'To put something new say If-None-Match: *, to change it If-Match: "the version held"',
    ),
    "too_much": Kind(
        422,
        "记录过多，请缩小时间范围，或由运行方以命令行校验",
        "There are more records than one request verifies: narrow the time, or ask the operator to verify on the command line",
    ),
    "too_many": Kind(429, "请求过于频繁，请稍候", "Too many requests: wait a little"),
    "chain_damaged": Kind(409, "此链已损坏，请先校验审计日志", "The chain of this record is damaged: verify the audit log"),
    "cannot_say": Kind(
        503,
        "暂时无法核查，不得视为可以办理；请稍候再查",
        "It cannot be said for the moment, which is no leave to go ahead: ask again shortly",
    ),
    "failed": Kind(500, "内部错误，已记录", "Something went wrong here; it is on record"),
    "not_offered": Kind(501, "本接口未配置文书库", "Documents and orders are not taken here: none are kept"),
    "unavailable": Kind(
        503,
        "暂时不可用，请稍后以同一 Idempotency-Key 重试",
        "Not available for the moment: try again, with the same Idempotency-Key",
    ),
}


class RefusedDocument(BaseModel):
    """A document of an order that keeps it from being placed."""

    kind: str
    sha256: str
    reason: str = Field(description="a short code; see docs/documents.md")
    zh: str
    en: str


class ProblemDocument(BaseModel):
    """A problem as it is answered (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="urn:chakong:problem: and the kind")
    title: str = Field(description="what is wrong, in the language that was asked for")
    status: int
    detail: str | None = Field(default=None, description="which part of the request, and what is wrong with it")
    request_id: str = Field(description="names this request in the operator's log")
    rule: str | None = Field(default=None, description="of query_refused: the rule that refuses")
    articles: list[str] | None = Field(default=None, description="of query_refused: the articles that grant it to others")
    resume_after: str | None = Field(default=None, description="of cursor_gone: the cursor to go on with")
    reason: str | None = Field(default=None, description="of document_refused: a short code, with zh and en in words")
    documents: list[RefusedDocument] | None = Field(default=None, description="of documents_refused: each that failed")
    widens: list[str] | None = Field(default=None, description="of widens: each place that would widen, and why")


class ProblemError(Exception):
    """A request that is not done. ``more`` are members of the document; they hold nothing that was sent."""

    def __init__(self, kind: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(kind)
        self.kind, self.headers, self.more = kind, dict(headers or {}), more


def answer(problem: ProblemError, accept_language: str, request_id: str) -> Response:
    """The problem as a response."""
    kind, language = KINDS[problem.kind], language_of(accept_language)
    document = {
        "type": f"urn:chakong:problem:{problem.kind}",
        "title": kind.zh if language == "zh" else kind.en,
        "status": kind.status,
        "request_id": request_id,
        **problem.more,
    }
    headers = {"content-language": language, "cache-control": "no-store", **problem.headers}
    return Response(msgspec.json.encode(document), kind.status, headers, PROBLEM_TYPE)


def language_of(accept_language: str) -> Language:
    """The language that is preferred of the two; Chinese where neither is (RFC 9110, 12.5.4)."""
    best: dict[str, float] = {"zh": 0.0, "en": 0.0}
    for part in accept_language[:1000].split(","):
        name, _, parameter = part.partition(";")
        main = name.strip().lower().partition("-")[0]
        if main in best:
            best[main] = max(best[main], _quality(parameter))
    return "en" if best["en"] > best["zh"] else "zh"


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
