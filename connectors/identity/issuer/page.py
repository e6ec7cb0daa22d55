"""The pages of the local issuer, in Chinese first: whom to log in as, and a token to copy."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from connectors.identity.issuer.samples import SAMPLES, Sample
from stream.core.authority import Grant

_HEAD: Final = """<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>查控 本机登录 · Chakong sample login</title>
<style>
body { font: 16px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
li { margin: .4rem 0; } ul { list-style: none; padding: 0; }
button { font: inherit; width: 100%; text-align: start; padding: .6rem .8rem; cursor: pointer; }
small { color: #555; display: block; } textarea { width: 100%; height: 12rem; font: 13px/1.4 monospace; }
.warning { border-inline-start: .3rem solid #b00; padding-inline-start: .8rem; }
</style>
<h1>查控 本机登录 <small lang="en">Chakong sample login</small></h1>
<p class="warning">仅供本机试用：样例用户没有口令，均为虚构。<small lang="en">For trying things on this machine: sample users
have no passwords, and none of them is real.</small></p>
"""


def choice(hidden: Mapping[str, str]) -> str:
    """Whom to log in as. ``hidden`` comes back with the choice."""
    kept = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items())
    rows = "".join(f"<li>{_button(sample)}</li>\n" for sample in SAMPLES)
    return (
        f'{_HEAD}<h2>选择用户 <small lang="en">Who are you?</small></h2>\n<form method="post">{kept}<ul>\n{rows}</ul></form>\n'
    )


def token(sample: Sample, text: str) -> str:
    """A token to copy."""
    return (
        f'{_HEAD}<h2>{escape(sample.zh)} <small lang="en">{escape(sample.en)}</small></h2>\n'
        '<p><label for="token">访问令牌 <small lang="en">Access token</small></label></p>\n'
        f'<textarea id="token" readonly>{escape(text)}</textarea>\n'
        f'<p>命令行 <code>chakong token {escape(sample.id)}</code></p>\n<p><a href="/">返回 back</a></p>\n'
    )


def _button(sample: Sample) -> str:
    name = f" {escape(sample.name)}" if sample.name else ""
    about = f"{sample.en} · {', '.join(map(_where, sample.grants))}"
    return f'<button name="sample" value="{sample.id}">{sample.zh}{name}<small lang="en">{escape(about)}</small></button>'


def _where(grant: Grant) -> str:
    return " ".join(part for part in (grant.role.value, grant.court, grant.province, grant.station) if part)
