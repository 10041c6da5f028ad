"""
The governor's Lua: each script is one atomic step on Redis' own clock.

Numbers travel as text because Redis cuts the fractions off Lua numbers.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

_REFILLED = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local DAY = 86400
local FIRST_SHARE = 0.25

local function refilled(key, capacity, refill)
  local state = redis.call('HMGET', key, 'tokens', 'at')
  if not state[1] then return capacity * FIRST_SHARE end
  local passed = math.max(0, now - tonumber(state[2]))
  return math.min(capacity, tonumber(state[1]) + passed * refill)
end

local function keep(key, tokens)
  redis.call('HSET', key, 'tokens', string.format('%.6f', tokens),
             'at', string.format('%.6f', now))
  redis.call('EXPIRE', key, DAY)
end
"""

#: KEYS: ban keys, who was active, how much each used of late, then buckets. ARGV: holder ("":
#: nobody's), number of ban keys, share to leave, then for each bucket cost, capacity, refill per
#: second. Takes from all buckets or from none. A holder that used more than its share of what the
#: active ones used (half as much again as an equal part) must leave a share to the others.
#: Answers seconds to wait, which ban key holds (0 for none), free share of the first bucket.
TAKE = (
    _REFILLED
    + """
local ACTIVE, MEMORY, GREED, LEFT_TO_OTHERS = 10, 10, 1.5, 0.25
local holder, bans, floor = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local active, used = KEYS[bans + 1], KEYS[bans + 2]
local first = bans + 2

local function faded(name)
  local amount, at = string.match(redis.call('HGET', used, name) or '0 0', '(%S+) (%S+)')
  return tonumber(amount) * math.exp(-math.max(0, now - tonumber(at)) / MEMORY)
end

local function note(name, amount)
  redis.call('HSET', used, name, string.format('%.6f %.6f', amount, now))
end

local function is_greedy()
  local gone = redis.call('ZRANGEBYSCORE', active, '-inf', now - ACTIVE)
  if #gone > 0 then
    redis.call('ZREM', active, unpack(gone))
    redis.call('HDEL', used, unpack(gone))
  end
  local others = redis.call('ZCARD', active)
  if not redis.call('ZSCORE', active, holder) then others = others + 1 end
  return others > 1 and faded(holder) > GREED * faded('*') / others
end

for i = 1, bans do
  local until_ = tonumber(redis.call('GET', KEYS[i]) or '0')
  if until_ > now then
    return {string.format('%.6f', until_ - now), tostring(i), '0'}
  end
end
local wait, levels = 0, {}
local weight, fair = tonumber(ARGV[4]), floor
-- an order never stands back
if floor > 0 and weight > 0 and holder ~= '' and is_greedy() then
  fair = math.max(floor, LEFT_TO_OTHERS)
end
for i = 1, #KEYS - first do
  local cost, capacity, refill =
    tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2]), tonumber(ARGV[3 * i + 3])
  local tokens = refilled(KEYS[first + i], capacity, refill)
  local needed = math.min(cost + (i == 1 and fair or floor) * capacity, capacity)
  if cost > 0 and tokens < needed then
    wait = math.max(wait, (needed - tokens) / refill)
  end
  levels[i] = tokens
end
for i = 1, #KEYS - first do
  if wait == 0 then levels[i] = levels[i] - tonumber(ARGV[3 * i + 1]) end
  keep(KEYS[first + i], levels[i])
end
if weight > 0 and holder ~= '' then
  redis.call('ZADD', active, now, holder)
  redis.call('EXPIRE', active, DAY)
  if wait == 0 then
    note(holder, faded(holder) + weight)
    note('*', faded('*') + weight)
    redis.call('EXPIRE', used, DAY)
  end
end
if wait > 0 then wait = wait + 0.001 end
local share = math.max(0, levels[1] / tonumber(ARGV[5]))
return {string.format('%.6f', wait), '0', string.format('%.6f', share)}
"""
)

#: KEYS: bucket. ARGV: nothing, capacity, refill, what the exchange still has left for us.
OBSERVE = (
    _REFILLED
    + """
local tokens = refilled(KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3]))
keep(KEYS[1], math.min(tokens, math.max(0, tonumber(ARGV[4]))))
return {}
"""
)

#: KEYS: ban key. ARGV: nothing, seconds. A ban is only ever prolonged.
BAN = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local until_ = math.max(now + tonumber(ARGV[2]), tonumber(redis.call('GET', KEYS[1]) or '0'))
redis.call('SET', KEYS[1], string.format('%.6f', until_),
           'PXAT', string.format('%d', math.ceil(until_ * 1000)))
return {string.format('%.6f', until_ - now)}
"""
