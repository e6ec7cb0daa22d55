"""What Redis does in one step: no reader sees half an order, and no writer overtakes another.

Each script is one round trip. What is many is packed into one string (``packed``: lengths and texts, which Lua unpacks by
``'>I4c0'``), since a client's time goes by the number of its arguments. Key names are made here, under a namespace: on a
cluster, give it a hash tag (``{chakong}``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from connectors.redis.buckets import LIBRARY

MARKS_A_BUCKET: Final = 32
PERIOD_S: Final = 30 * 24 * 3600
"""Times of effect are kept by periods: this one and the one before, so for 30 days at least and 60 at most."""
_length: Final = struct.Struct(">I").pack


def with_lengths(*fields: bytes) -> Iterator[bytes]:
    """Each field's length in four bytes, big-endian, and the field."""
    for field in fields:
        yield _length(len(field))
        yield field


def packed(rows: Iterable[tuple[bytes | str, ...]]) -> bytes:
    """Rows of fields as one string, each field after its length."""
    return b"".join(
        part for row in rows for part in with_lengths(*(field.encode() if isinstance(field, str) else field for field in row))
    )


RENEW: Final = """
local now = redis.call('TIME')
local until_ms = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[3]
redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>I8', until_ms) .. ARGV[2])
return 1
"""
"""ARGV: worker, its lease, milliseconds to live, by Redis's own clock: the workers' clocks need not agree."""

LIVE: Final = """
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local all, live = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  if struct.unpack('>I8', all[i + 1]) > now_ms then
    live[#live + 1] = all[i]
    live[#live + 1] = string.sub(all[i + 1], 9)
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return live
"""

_MARKS: Final = (
    LIBRARY
    + f"""
local space, now = ARGV[1], redis.call('TIME')[1]
local function marks(period)
  local name = space .. ':effect:' .. period
  local stored = redis.call('HMGET', name, 'buckets', 'entries')
  return map(name .. ':', stored[1], stored[2], {MARKS_A_BUCKET}, {2 * PERIOD_S})
end
local period = math.floor(now / {PERIOD_S})
local before, current = marks(period - 1), marks(period)
local function keep()
  local about = space .. ':effect:' .. period
  redis.call('HSET', about, 'buckets', current.buckets, 'entries', current.entries)
  redis.call('EXPIRE', about, current.seconds)
end
"""
)

MARK: Final = (
    _MARKS
    + """
local rows, next, order, mark, worker = ARGV[2], 1, nil, nil, nil
local workers, numbers = space .. ':workers', {[''] = ''}
local function number_of(worker)
  if not numbers[worker] then
    local number = redis.call('HGET', workers, worker)
    if not number then
      number = redis.call('HLEN', workers)
      redis.call('HSET', workers, worker, number)
    end
    numbers[worker] = struct.pack('>I3', number)
  end
  return numbers[worker]
end
grow(current, tonumber(ARGV[3]))
while next <= #rows do
  order, mark, worker, next = struct.unpack('>I4c0I4c0I4c0', rows, next)
  local name = bucket(current, order)
  local is_new = redis.call('HEXISTS', bucket(before, order), order) == 0
  if is_new and redis.call('HSETNX', name, order, mark .. number_of(worker)) == 1 then
    redis.call('EXPIRE', name, current.seconds)
  else
    current.entries = current.entries - 1
  end
end
keep()
return 1
"""
)
"""ARGV[2]: marks, packed: the order and its version, what is written of it, and a worker or nothing, whose number is added to
that. ARGV[3]: how many. The first mark of a version stays."""

WITHDRAWN: Final = (
    _MARKS
    + """
local order, at = ARGV[2], ARGV[3]
local known = redis.call('HGET', bucket(current, order), order)
if known and struct.unpack('>I6', known) >= struct.unpack('>I6', at) then return 0 end
if not known then grow(current, 1) end
local name = bucket(current, order)
redis.call('HSET', name, order, at)
redis.call('EXPIRE', name, current.seconds)
keep()
return 1
"""
)
"""ARGV[2]: what is withdrawn, named as marks are; ARGV[3]: when, 6 bytes. The latest stays."""

MARKED: Final = (
    _MARKS
    + """
local digests, found = ARGV[2], {redis.call('HGETALL', space .. ':workers')}
for at = 1, #digests, 8 do
  local digest = string.sub(digests, at, at + 7)
  for _, of in ipairs({before, current}) do found[#found + 1] = redis.call('HGETALL', bucket(of, digest)) end
end
return found
"""
)
"""ARGV[2]: orders, 8 bytes each. Answers the workers and their numbers, and then, for each order, all marks that lie with its
own: of the period before, and of this one."""
