"""What the index does in one step in Redis: no reader sees half an order, and no writer overtakes another.

A tag is six bytes of a keyed hash: of an order's id, or of one of its keys. All that lies in Redis under an order's tag is one
value, which Redis only compares and hands on; see ``entries`` for what is in it. Under a key's tag lie the tags of the orders
that hold it, one behind the other.
"""

from __future__ import annotations

from typing import Final

from connectors.redis.buckets import LIBRARY

ORDERS_A_BUCKET: Final = 16
KEYS_A_BUCKET: Final = 32
"""On average. More cost fewer bytes and more time: an entry is searched for in half of twice as many at most."""
TAG_BYTES: Final = 6

_GUARD: Final = (
    LIBRARY
    + f"""
local space, secret, positions = ARGV[1], ARGV[2], ARGV[1] .. ':positions'
local stored = redis.call(
  'HMGET', positions, 'secret', 'wiping', 'order.buckets', 'order.entries', 'key.buckets', 'key.entries'
)
if stored[2] then return redis.error_reply('WIPING the index') end
if stored[1] ~= secret and redis.call('HLEN', positions) > 0 then return redis.error_reply('FOREIGN index') end
local orders = map(space .. ':order:', stored[3], stored[4], {ORDERS_A_BUCKET})
local keys = map(space .. ':key:', stored[5], stored[6], {KEYS_A_BUCKET})
"""
)

CLAIM: Final = (
    _GUARD
    + """
redis.call('HSET', positions, 'secret', secret)
return 1
"""
)

READ: Final = (
    _GUARD
    + """
local tags, values = ARGV[3], {}
for at = 1, #tags, 6 do
  local tag = string.sub(tags, at, at + 5)
  values[#values + 1] = redis.call('HGET', bucket(orders, tag), tag) or ''
end
return {redis.call('HGETALL', positions), values}
"""
)
"""ARGV[3]: tags of ids. Answers the positions, and the value of each, in order; empty where there is none."""

LOOKUP: Final = (
    _GUARD
    + """
local tags, seen, values = ARGV[3], {}, {}
for at = 1, #tags, 6 do
  local key = string.sub(tags, at, at + 5)
  local holders = redis.call('HGET', bucket(keys, key), key) or ''
  for from = 1, #holders, 6 do
    local order = string.sub(holders, from, from + 5)
    if not seen[order] then
      seen[order] = true
      local found = redis.call('HGET', bucket(orders, order), order)
      if not found then return redis.error_reply('DAMAGED index') end
      values[#values + 1] = found
    end
  end
end
return {redis.call('HGETALL', positions), values}
"""
)
"""ARGV[3]: tags of keys. Answers the positions, and the value of every order that holds one of them."""

HOLDERS: Final = (
    _GUARD
    + """
local key = ARGV[3]
return {redis.call('HGET', bucket(keys, key), key) or ''}
"""
)
"""ARGV[3]: the tag of a key. Answers the tags of the orders that hold it, one behind the other."""

APPLY: Final = (
    _GUARD
    + """
local partition, changes = ARGV[3], ARGV[6]
local stands = redis.call('HGET', positions, partition) or '0'
if stands ~= ARGV[4] then return {'moved', stands} end

local list, next, fresh, more = {}, 1, 0, 0
while next <= #changes do
  local tag, known, entry, added, removed
  tag, known, entry, added, removed, next = struct.unpack('>c6I4c0I4c0I4c0I4c0', changes, next)
  if (redis.call('HGET', bucket(orders, tag), tag) or '') ~= known then return {'overtaken', stands} end
  if known == '' then fresh = fresh + 1 end
  more = more + #added / 6
  list[#list + 1] = {tag, entry, added, removed}
end

redis.call('HSET', positions, partition, ARGV[5], 'secret', secret)
grow(orders, fresh)
grow(keys, more)
for _, change in ipairs(list) do
  local tag, entry, added, removed = unpack(change)
  redis.call('HSET', bucket(orders, tag), tag, entry)
  for at = 1, #added, 6 do
    local key = string.sub(added, at, at + 5)
    local rows = bucket(keys, key)
    if redis.call('HSETNX', rows, key, tag) == 0 then
      redis.call('HSET', rows, key, redis.call('HGET', rows, key) .. tag)
      keys.entries = keys.entries - 1
    end
  end
  for at = 1, #removed, 6 do
    local key = string.sub(removed, at, at + 5)
    local rows = bucket(keys, key)
    local holders = redis.call('HGET', rows, key) or ''
    local here = string.find(holders, tag, 1, true)
    while here and here % 6 ~= 1 do here = string.find(holders, tag, here + 1, true) end
    local left = here and string.sub(holders, 1, here - 1) .. string.sub(holders, here + 6) or holders
    if left ~= '' then redis.call('HSET', rows, key, left)
    else keys.entries = keys.entries - redis.call('HDEL', rows, key) end
  end
end
redis.call(
  'HSET', positions, 'order.buckets', orders.buckets, 'order.entries', orders.entries,
  'key.buckets', keys.buckets, 'key.entries', keys.entries
)
return {'applied', ARGV[5]}
"""
)
"""ARGV[3..5]: partition, start, end. ARGV[6]: changes, each the tag of an order, and after their lengths: the value that was
read (empty: none), the value to be, tags of keys added, tags of keys removed. The first write is the position, so a Redis
without memory refuses it and nothing is changed."""
