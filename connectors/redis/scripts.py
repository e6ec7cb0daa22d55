"""What Redis does in one step: no reader sees half an order, and no writer overtakes another.

Each script is one round trip. What is many is packed into one string (``packed``: lengths and texts, which Lua unpacks by
``'>I4c0'``), since a client's time goes by the number of its arguments. Key names are made here, under a namespace: on a
cluster, give it a hash tag (``{chakong}``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

_length: Final = struct.Struct(">I").pack


def packed(rows: Iterable[tuple[bytes | str, ...]]) -> bytes:
    """Rows of fields as one string: each field's length in four bytes, big-endian, and the field."""
    parts: list[bytes] = []
    for row in rows:
        for field in row:
            text = field.encode() if isinstance(field, str) else field
            parts.append(_length(len(text)))
            parts.append(text)
    return b"".join(parts)


_GUARD: Final = """
local space, secret = ARGV[1], ARGV[2]
local of = redis.call('HMGET', space .. ':positions', 'secret', 'wiping')
if of[2] then return redis.error_reply('WIPING the index') end
if of[1] ~= secret and redis.call('HLEN', space .. ':positions') > 0 then return redis.error_reply('FOREIGN index') end
"""

CLAIM: Final = (
    _GUARD
    + """
redis.call('HSET', space .. ':positions', 'secret', secret)
return 1
"""
)

READ: Final = (
    _GUARD
    + """
local ids, values, next, id = ARGV[3], {}, 1, nil
while next <= #ids do
  id, next = struct.unpack('>I4c0', ids, next)
  values[#values + 1] = redis.call('GET', space .. ':order:' .. id) or '\\0\\0\\0\\0\\0\\0\\0\\0'
end
return {redis.call('HGETALL', space .. ':positions'), table.concat(values)}
"""
)
"""ARGV[3]: ids, packed. Answers the positions, and every id's entry, in order; an unknown one is of length nought."""

LOOKUP: Final = (
    _GUARD
    + """
local hexes, seen, values = ARGV[3], {}, {}
for at = 1, #hexes, 16 do
  local packed = redis.call('GET', space .. ':key:' .. string.sub(hexes, at, at + 15)) or ''
  local next, id = 1, nil
  while next <= #packed do
    id, next = struct.unpack('>I4c0', packed, next)
    if not seen[id] then
      seen[id] = true
      local value = redis.call('GET', space .. ':order:' .. id)
      if not value then return redis.error_reply('DAMAGED index') end
      values[#values + 1] = value
    end
  end
end
return {redis.call('HGETALL', space .. ':positions'), table.concat(values)}
"""
)
"""ARGV[3]: key hashes, 16 hex digits each. Answers the positions, and the entry of every order that holds one of them."""

APPLY: Final = (
    _GUARD
    + """
local positions, partition = space .. ':positions', ARGV[3]
local stands = redis.call('HGET', positions, partition) or '0'
if stands ~= ARGV[4] then return {'moved', stands} end
local known, changes, next, number = ARGV[6], ARGV[7], 1, 0
local ids, names = {}, {}
local id, start, entry, added, removed
while next <= #known do
  id, start, next = struct.unpack('>I4c0I4c0', known, next)
  number = number + 1
  local name = space .. ':order:' .. id
  ids[number], names[number] = id, name
  local same
  if start == '' then same = redis.call('EXISTS', name) == 0
  else same = redis.call('GETRANGE', name, 0, #start - 1) == start end
  if not same then return {'overtaken', stands} end
end
redis.call('HSET', positions, partition, ARGV[5], 'secret', secret)
next = 1
for i, id in ipairs(ids) do
  entry, added, removed, next = struct.unpack('>I4c0I4c0I4c0', changes, next)
  redis.call('SET', names[i], entry)
  local item = struct.pack('>I4c0', #id, id)
  for at = 1, #added, 16 do
    redis.call('APPEND', space .. ':key:' .. string.sub(added, at, at + 15), item)
  end
  for at = 1, #removed, 16 do
    local name = space .. ':key:' .. string.sub(removed, at, at + 15)
    local others, left = redis.call('GET', name) or '', {}
    local following, other = 1, nil
    while following <= #others do
      other, following = struct.unpack('>I4c0', others, following)
      if other ~= id then left[#left + 1] = struct.pack('>I4c0', #other, other) end
    end
    if #left > 0 then redis.call('SET', name, table.concat(left)) else redis.call('DEL', name) end
  end
end
return {'applied', ARGV[5]}
"""
)
"""ARGV[3..5]: partition, start, end. ARGV[6]: what was read, packed: id, the start of its entry (empty: there was none).
ARGV[7]: what is written, packed, in the same order: entry, keys added, keys removed (hex). The first write is the position, so
a Redis without memory refuses it and nothing is changed."""

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

MARK: Final = """
local marks, next = ARGV[2], 1
local id, version, mark
while next <= #marks do
  id, version, mark, next = struct.unpack('>I4c0I4c0I4c0', marks, next)
  local name = ARGV[1] .. ':inforce:' .. id
  redis.call('HSETNX', name, version, mark)
  redis.call('EXPIRE', name, ARGV[3])
end
return 1
"""
"""ARGV[2]: marks, packed: order id, version, mark. The first mark of a version stays. ARGV[3]: seconds to keep."""

MARKED: Final = """
local ids, found, next, id = ARGV[2], {}, 1, nil
while next <= #ids do
  id, next = struct.unpack('>I4c0', ids, next)
  found[#found + 1] = redis.call('HGETALL', ARGV[1] .. ':inforce:' .. id)
end
return found
"""

RECORD: Final = """
local space, positions = ARGV[1], ARGV[1] .. ':receipts'
if ARGV[2] ~= '' then
  local stands = redis.call('HGET', positions, ARGV[2]) or '0'
  if stands ~= ARGV[3] then return {'moved', stands} end
end
local stories, next = ARGV[5], 1
local id, known, story, at
while next <= #stories do
  id, known, story, at, next = struct.unpack('>I4c0I4c0I4c0I4c0', stories, next)
  if (redis.call('GET', space .. ':hit:' .. id) or '') ~= known then return {'overtaken', '0'} end
end
if ARGV[2] ~= '' then redis.call('HSET', positions, ARGV[2], ARGV[4]) end
next = 1
while next <= #stories do
  id, known, story, at, next = struct.unpack('>I4c0I4c0I4c0I4c0', stories, next)
  redis.call('SET', space .. ':hit:' .. id, story)
  redis.call('ZADD', space .. ':recent', at, id)
end
redis.call('ZREMRANGEBYRANK', space .. ':recent', 0, -1 - ARGV[7])
local counts, name, more = ARGV[6], nil, nil
next = 1
while next <= #counts do
  name, more, next = struct.unpack('>I4c0I4c0', counts, next)
  if redis.call('HINCRBY', space .. ':steps', name, more) == 0 then redis.call('HDEL', space .. ':steps', name) end
end
return {'recorded', ARGV[4]}
"""
"""ARGV[2..4]: partition (empty: none), start, end. ARGV[5]: stories, packed: hit id, what was read (empty: nothing), what it
is now, microseconds of its last step. ARGV[6]: counts, packed: name, difference. ARGV[7]: how many recent hits are listed."""
