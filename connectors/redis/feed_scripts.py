"""What the views of feeds do in one step in Redis: a batch of one partition's records, and the position after it.

A tag is 16 bytes: a record's UUID, or half of its digest. A key's tag is eight bytes of a keyed hash, and under it lie the tags
of the records that hold it, one behind the other. A value is ``>I8`` version, court after its length, key tags after their
length, packed body. A removal is a record without keys; it stays, so that a late lower version changes nothing.
"""

from __future__ import annotations

from typing import Final

from connectors.redis.buckets import LIBRARY

RECORDS_A_BUCKET: Final = 16
KEYS_A_BUCKET: Final = 32
TAG_BYTES: Final = 16
KEY_BYTES: Final = 8

_OPEN: Final = (
    LIBRARY
    + f"""
local space, feed = ARGV[1] .. ':feeds', ARGV[2]
local sizes = space .. ':sizes'
local stored = redis.call(
  'HMGET', sizes, feed .. '.buckets', feed .. '.entries', feed .. '.key.buckets', feed .. '.key.entries', 'secret'
)
if stored[5] and stored[5] ~= ARGV[3] then return redis.error_reply('FOREIGN feeds') end
local records = map(space .. ':' .. feed .. ':', stored[1], stored[2], {RECORDS_A_BUCKET})
local keys = map(space .. ':' .. feed .. ':key:', stored[3], stored[4], {KEYS_A_BUCKET})
"""
)

READ: Final = (
    _OPEN
    + """
local tags, found = ARGV[4], {}
for at = 1, #tags, 16 do
  local tag = string.sub(tags, at, at + 15)
  found[#found + 1] = redis.call('HGET', bucket(records, tag), tag) or ''
end
return found
"""
)
"""ARGV[4]: tags of records. Answers the value of each, in order; empty where there is none."""

FIND: Final = (
    _OPEN
    + """
local key, found = ARGV[4], {}
local holders = redis.call('HGET', bucket(keys, key), key) or ''
for at = 1, #holders, 16 do
  local tag = string.sub(holders, at, at + 15)
  found[#found + 1] = redis.call('HGET', bucket(records, tag), tag) or ''
end
return found
"""
)
"""ARGV[4]: the tag of a key. Answers the values of the records that hold it."""

APPLY: Final = (
    _OPEN
    + """
local positions, place = space .. ':positions', ARGV[4]
local stands = redis.call('HGET', positions, place) or '0'
if stands ~= ARGV[5] then return {'moved', stands} end
redis.call('HSET', positions, place, ARGV[6])
redis.call('HSET', sizes, 'secret', ARGV[3])

local function drop(key, tag)
  local rows = bucket(keys, key)
  local holders, left = redis.call('HGET', rows, key) or '', {}
  for at = 1, #holders, 16 do
    local one = string.sub(holders, at, at + 15)
    if one ~= tag then left[#left + 1] = one end
  end
  if #left > 0 then redis.call('HSET', rows, key, table.concat(left))
  else keys.entries = keys.entries - redis.call('HDEL', rows, key) end
end

local function add(key, tag)
  grow(keys, 1)
  local rows = bucket(keys, key)
  if redis.call('HSETNX', rows, key, tag) == 0 then
    keys.entries = keys.entries - 1
    redis.call('HSET', rows, key, redis.call('HGET', rows, key) .. tag)
  end
end

local rows, next, answers = ARGV[7], 1, {'applied'}
while next <= #rows do
  local tag, version, court, held, body
  local begins = next
  tag, version, court, held, body, next = struct.unpack('>c16I8I4c0I4c0I4c0', rows, next)
  local name = bucket(records, tag)
  local known = redis.call('HGET', name, tag)
  local answer = 'applied'
  if known then
    local of_version, of_court, of_keys = struct.unpack('>I8I4c0I4c0', known)
    if of_court ~= court then answer = 'other_court'
    elseif of_version >= version then answer = 'stale'
    else for at = 1, #of_keys, 8 do drop(string.sub(of_keys, at, at + 7), tag) end end
  else
    grow(records, 1)
    name = bucket(records, tag)
  end
  if answer == 'applied' then
    redis.call('HSET', name, tag, string.sub(rows, begins + 16, next - 1))
    for at = 1, #held, 8 do add(string.sub(held, at, at + 7), tag) end
  end
  answers[#answers + 1] = answer
end
redis.call(
  'HSET', sizes, feed .. '.buckets', records.buckets, feed .. '.entries', records.entries,
  feed .. '.key.buckets', keys.buckets, feed .. '.key.entries', keys.entries
)
return answers
"""
)
"""ARGV[4..6]: topic and partition, start, end. ARGV[7]: rows, each a tag and the value to be, body after its length."""
