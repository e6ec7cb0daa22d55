"""Maps in Redis that cost a few bytes an entry: many entries to a name, and names that split as the map grows.

A name of its own costs Redis some 90 bytes and more, so entries share names. A map is ``buckets`` names, numbered from 0; where
an entry belongs follows from four bytes of its tag, a hash, by linear hashing: with ``low`` the largest power of two that is
not above ``buckets``, it is the number modulo ``2 * low`` where there is such a bucket, else modulo ``low``. Once there are
more than ``load`` entries a bucket, bucket ``buckets - low`` is split in two. So a map fits ten entries and ten million,
nobody has to foresee how many, and no step moves more than a few.

A bucket is a hash of tags to values that Redis keeps as one compact run of bytes (a listpack), and searches by itself. It does
so for values of up to ``hash-max-listpack-value`` bytes: 64 unless set, and 1024 is what we ask for. A bucket with a longer one
takes about 40 bytes more an entry, and is the same otherwise. Bytes are not picked apart in Lua: it hashes every string
that it makes, byte by byte, and a third of all time went there.
"""

from __future__ import annotations

from typing import Final

LIBRARY: Final = """
local function map(name, buckets, entries, load, seconds)
  local low
  buckets, entries, low = tonumber(buckets or 0), tonumber(entries or 0), 1
  while low * 2 <= buckets do low = low * 2 end
  return {name = name, buckets = buckets, low = low, entries = entries, load = load, seconds = seconds}
end

local function number(of, tag)
  local n = struct.unpack('>I4', tag, 3) % (2 * of.low)
  if n >= of.buckets then n = n - of.low end
  return n
end

local function bucket(of, tag)
  return of.name .. number(of, tag)
end

local function fill(of, name, pairs)
  for at = 1, #pairs, 1000 do redis.call('HSET', name, unpack(pairs, at, math.min(at + 999, #pairs))) end
  if of.seconds and #pairs > 0 then redis.call('EXPIRE', name, of.seconds) end
end

local function split(of)
  local new, name, stay, go = of.buckets, of.name .. (of.buckets - of.low), {}, {}
  of.buckets = new + 1
  if of.buckets == 2 * of.low then of.low = of.buckets end
  local all = redis.call('HGETALL', name)
  for at = 1, #all, 2 do
    local half = number(of, all[at]) == new and go or stay
    local last = #half
    half[last + 1], half[last + 2] = all[at], all[at + 1]
  end
  if #go == 0 then return end
  redis.call('DEL', name)
  fill(of, name, stay)
  fill(of, of.name .. new, go)
end

local function grow(of, more)
  of.entries = of.entries + more
  if of.buckets == 0 then of.buckets = 1 end
  while of.entries > of.load * of.buckets do split(of) end
end
"""
"""``seconds``: how long a bucket is kept; nil: for ever. ``grow``
comes before entries are added. Whoever adds, or takes away, keeps ``entries`` right, and stores it with ``buckets``."""
