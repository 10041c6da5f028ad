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

#: KEYS: ban keys, then buckets. ARGV: number of ban keys, share to leave, then for each bucket
#: cost, capacity, refill per second. Takes from all buckets or from none.
#: Answers seconds to wait, which ban key holds (0 for none), free share of the first bucket.
TAKE = (
    _REFILLED
    + """
local bans, floor = tonumber(ARGV[1]), tonumber(ARGV[2])
for i = 1, bans do
  local until_ = tonumber(redis.call('GET', KEYS[i]) or '0')
  if until_ > now then
    return {string.format('%.6f', until_ - now), tostring(i), '0'}
  end
end
local wait, levels = 0, {}
for i = 1, #KEYS - bans do
  local cost, capacity, refill =
    tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  local tokens = refilled(KEYS[bans + i], capacity, refill)
  local needed = math.min(cost + floor * capacity, capacity)
  if cost > 0 and tokens < needed then
    wait = math.max(wait, (needed - tokens) / refill)
  end
  levels[i] = tokens
end
for i = 1, #KEYS - bans do
  if wait == 0 then levels[i] = levels[i] - tonumber(ARGV[3 * i]) end
  keep(KEYS[bans + i], levels[i])
end
if wait > 0 then wait = wait + 0.001 end
local share = math.max(0, levels[1] / tonumber(ARGV[4]))
return {string.format('%.6f', wait), '0', string.format('%.6f', share)}
"""
)

#: KEYS: bucket. ARGV: capacity, refill, what the exchange still has left for us.
OBSERVE = (
    _REFILLED
    + """
local tokens = refilled(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]))
keep(KEYS[1], math.min(tokens, math.max(0, tonumber(ARGV[3]))))
return {}
"""
)

#: KEYS: ban key. ARGV: seconds. A ban is only ever prolonged.
BAN = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local until_ = math.max(now + tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or '0'))
redis.call('SET', KEYS[1], string.format('%.6f', until_),
           'PXAT', string.format('%d', math.ceil(until_ * 1000)))
return {string.format('%.6f', until_ - now)}
"""
