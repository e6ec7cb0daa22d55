"""What the ledger does in one step in Redis: a story, and all that is a function of it, change together."""

from __future__ import annotations

from typing import Final

READ: Final = """
local commands = {hit = 'GET', slot = 'HGETALL', instruction = 'HGETALL', ['hits-of'] = 'SMEMBERS'}
local space, found = ARGV[1], {}
if redis.call('EXISTS', space .. ':whole') == 0 then return redis.error_reply('LOST') end
for kind = 2, #ARGV, 2 do
  local names, name, next = ARGV[kind + 1], nil, 1
  while next <= #names do
    name, next = struct.unpack('>I4c0', names, next)
    found[#found + 1] = redis.call(commands[ARGV[kind]], space .. ':' .. ARGV[kind] .. ':' .. name) or ''
  end
end
return found
"""
"""ARGV[2..]: kinds, each followed by names, packed. Answers what stands under each name, in order; of a hit that has no story,
nothing."""

RECORD: Final = """
local space, positions, due = ARGV[1], ARGV[1] .. ':receipts', ARGV[1] .. ':due'
if ARGV[2] ~= '' then
  local stands = redis.call('HGET', positions, ARGV[2]) or '0'
  if stands ~= ARGV[3] then return {'moved', stands} end
elseif redis.call('EXISTS', space .. ':whole') == 0 then
  return redis.error_reply('LOST')
end
local stories, changes, next = ARGV[5], {}, 1
while next <= #stories do
  local id, known, story, at, order, due_ms, instruction, part, left, slot, mark
  id, known, story, at, order, due_ms, instruction, part, left, slot, mark, next = struct.unpack(
    '>I4c0I4c0I4c0I4c0I4c0I4c0I4c0I4c0I4c0I4c0I4c0', stories, next
  )
  if (redis.call('GET', space .. ':hit:' .. id) or '') ~= known then return {'overtaken', '0'} end
  changes[#changes + 1] = {id, story, at, order, due_ms, instruction, part, left, slot, mark}
end
if ARGV[2] ~= '' then redis.call('HSET', positions, ARGV[2], ARGV[4]) end
local instructed = {}
for _, change in ipairs(changes) do
  local id, story, at, order, due_ms, instruction, part, left, slot, mark = unpack(change)
  redis.call('SET', space .. ':hit:' .. id, story)
  redis.call('ZADD', space .. ':recent', at, id)
  redis.call('SADD', space .. ':hits-of:' .. order, id)
  if due_ms ~= '' then redis.call('ZADD', due, due_ms, id) else redis.call('ZREM', due, id) end
  if part ~= '' and redis.call('HGET', space .. ':instruction:' .. instruction, id) ~= part then
    redis.call('HSET', space .. ':instruction:' .. instruction, id, part)
    instructed[instruction] = true
  end
  if left ~= '' then redis.call('HDEL', space .. ':slot:' .. left, id) end
  if mark ~= '' then redis.call('HSET', space .. ':slot:' .. slot, id, mark) end
end
redis.call('ZREMRANGEBYRANK', space .. ':recent', 0, -1 - ARGV[7])
local counts, name, more = ARGV[6], nil, nil
next = 1
while next <= #counts do
  name, more, next = struct.unpack('>I4c0I4c0', counts, next)
  if redis.call('HINCRBY', space .. ':steps', name, more) == 0 then redis.call('HDEL', space .. ':steps', name) end
end
local answer = {'recorded', ARGV[4]}
for instruction in pairs(instructed) do
  answer[#answer + 1] = instruction
  answer[#answer + 1] = redis.call('HGETALL', space .. ':instruction:' .. instruction)
end
return answer
"""
"""ARGV[2..4]: partition (empty: none), start, end. ARGV[5]: stories, packed: hit id, what was read (empty: nothing), what it
is now, microseconds of its last step, order id, milliseconds at which it is due (empty: never), instruction id and the hit's
part in it (empty: none), the slot that it left, its slot and its mark there (empty: none). ARGV[6]: counts, packed: name,
difference. ARGV[7]: how many recent hits are listed. Answers the instructions that changed, and their hits' parts."""

CLAIM_DUE: Final = """
local space, claimed = ARGV[1], {}
if redis.call('EXISTS', space .. ':whole') == 0 then return redis.error_reply('LOST') end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', space .. ':due', '-inf', ARGV[2], 'LIMIT', 0, ARGV[3] + 1000)) do
  if #claimed == tonumber(ARGV[3]) then break end
  if redis.call('SET', space .. ':claim:' .. id, '1', 'NX', 'PX', ARGV[4]) then claimed[#claimed + 1] = id end
end
return claimed
"""
"""ARGV[2..4]: now in milliseconds, how many at most, milliseconds for which nobody else is given them."""
