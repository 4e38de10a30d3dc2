-- Decides for all policies of a request in one step: the same rules as _sliding.py, _gcra.py and _in_flight.py, in the
-- same order of operations, so that both stores give the same figures.
--
-- KEYS: one for each policy. What stays there is text that one can read:
--   sliding     "<number of the window> <taken in it> <taken in the one before>"
--   gcra        "<time at which the bucket is full> <time at which this was written>"
--   concurrent  a sorted set of "<lease>:<units>" by when they expire, and of "" by minus the units of all
-- ARGV: the operation, the time ("" for the server's own), then six for each key:
--   algorithm, capacity, window, step, amount, lease
--   where the step is, for sliding, by how much later the windows of this key begin; for gcra, what one unit takes to
--   refill; for concurrent, how long a lease lasts; all in seconds.
-- Gives for each key: allowed (1 or 0), remaining, reset_after, retry_after; all in one text, spaces between.

local AHEAD = 1e-6
local MOST = 9007199254740992 -- 2^53: what doubles count exactly
local SOON = 2 -- milliseconds by which keys outlast what they say: the server rounds
local LONGEST = 630720000000 -- twenty years in milliseconds; beyond, PX could overflow
-- Times are counted from 2026 on: doubles are the finer the smaller they are.
local ORIGIN = 1767225600

local operation, now = ARGV[1], tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = (time[1] - ORIGIN) + time[2] / 1e6
end

local function exact(number)
  return string.format('%.17g', number)
end

local function keep(key, text, seconds)
  local milliseconds = math.min(math.ceil(seconds * 1000) + SOON, LONGEST)
  redis.call('SET', key, text, 'PX', string.format('%.0f', milliseconds))
end

local function units(number)
  return math.max(math.floor(number), 0)
end

local meters = {sliding = {}, gcra = {}, concurrent = {}}

-- sliding: the sliding-window counter

function meters.sliding.load(m)
  m.index = math.floor((now - m.step) / m.window)
  m.left = m.step + (m.index + 1) * m.window - now
  m.current, m.previous = 0, 0
  local index, current, previous = string.match(redis.call('GET', m.key) or '', '^(%S+) (%S+) (%S+)$')
  index = tonumber(index)
  if not index then return end
  if index >= m.index then
    m.current, m.previous = tonumber(current), tonumber(previous)
    if index > m.index then -- written before the clock stepped back: time has stood still, and goes on from here
      meters.sliding.add(m, 0)
    end
  elseif index == m.index - 1 then
    m.previous = tonumber(current)
  end
end

function meters.sliding.retry(m, cost)
  local free = m.capacity - cost - m.current
  if free >= 0 then
    return m.left - m.window * free / m.previous
  end
  return m.left + m.window - m.window * (m.capacity - cost) / m.current
end

function meters.sliding.check(m, cost)
  local free = m.capacity - m.current
  if m.previous > 0 and m.left > AHEAD then
    free = free - m.previous * ((m.left - AHEAD) / m.window)
  end
  if cost > free then
    local reset = m.current > 0 and m.left + m.window or m.left
    return {0, units(free), reset, meters.sliding.retry(m, cost)}
  end
  local reset = (m.current + cost > 0 and m.left + m.window) or (m.previous > 0 and m.left) or 0
  return {1, units(free - cost), reset, 0}
end

function meters.sliding.add(m, amount)
  local settled = m.current + amount
  if settled < 0 then -- the rest was taken in the window before
    m.previous = math.max(m.previous + settled, 0)
  end
  m.current = math.min(math.max(settled, 0), MOST)
  if m.current == 0 and m.previous == 0 then
    redis.call('DEL', m.key)
  else
    keep(m.key, string.format('%.0f %.17g %.17g', m.index, m.current, m.previous), m.left + m.window)
  end
end

-- gcra: the generic cell rate algorithm

function meters.gcra.load(m)
  m.full_at = now
  local full_at, written = string.match(redis.call('GET', m.key) or '', '^(%S+) (%S+)$')
  full_at, written = tonumber(full_at), tonumber(written)
  if not written then return end
  m.full_at = full_at
  if now < written then -- the clock has stepped back: time has stood still, and goes on from here
    m.full_at = full_at - (written - now)
    meters.gcra.add(m, 0)
  end
end

function meters.gcra.check(m, cost)
  local missing = m.full_at - now - AHEAD
  local free = missing > 0 and m.capacity - missing / m.step or m.capacity
  if cost > free then
    return {0, units(free), m.full_at - now, m.full_at - now - (m.capacity - cost) * m.step}
  end
  return {1, units(free - cost), math.max(m.full_at, now) + cost * m.step - now, 0}
end

function meters.gcra.add(m, amount)
  m.full_at = math.max(math.max(m.full_at, now) + amount * m.step, now)
  if m.full_at == now then
    redis.call('DEL', m.key)
  else
    keep(m.key, exact(m.full_at) .. ' ' .. exact(now), m.full_at - now)
  end
end

-- concurrent: what is in flight, each with a lease, so that a process that dies gives back what it had

local function cost_of(member)
  return tonumber(string.match(member, ':(%d+)$'))
end

local function hold(m, total)
  m.total = total
  if total <= 0 then
    redis.call('DEL', m.key)
  else
    redis.call('ZADD', m.key, exact(-total), '')
    redis.call('PEXPIRE', m.key, string.format('%.0f', math.ceil(m.step * 1000) + SOON))
  end
end

function meters.concurrent.load(m)
  m.time = now + ORIGIN -- above 0 whatever the clock says, which the total is not
  m.total = -(tonumber(redis.call('ZSCORE', m.key, '') or 0))
  if m.total <= 0 then return end
  local expired = redis.call('ZRANGEBYSCORE', m.key, '(0', exact(m.time))
  if #expired == 0 then return end
  for _, member in ipairs(expired) do
    m.total = m.total - cost_of(member)
  end
  redis.call('ZREMRANGEBYSCORE', m.key, '(0', exact(m.time))
  hold(m, m.total)
end

function meters.concurrent.check(m, cost)
  local left = m.capacity - m.total
  if cost > left then
    return {0, units(left), 0, 1}
  end
  return {1, left - cost, 0, 0}
end

-- Also what renews a lease: one that was lost meanwhile counts again.
function meters.concurrent.add(m, amount)
  local added = redis.call('ZADD', m.key, exact(m.time + m.step), string.format('%s:%.0f', m.lease, amount))
  hold(m, m.total + added * amount)
end

function meters.concurrent.release(m)
  local removed = redis.call('ZREM', m.key, string.format('%s:%.0f', m.lease, m.amount))
  if removed > 0 then
    hold(m, m.total - m.amount)
  end
end

-- What is asked

local function check(m, cost)
  if cost > m.capacity then -- never
    local standing = m.meter.check(m, 0)
    return {0, standing[2], standing[3], math.huge}
  end
  return m.meter.check(m, cost)
end

local asked, decisions, admitted = {}, {}, true
for i, key in ipairs(KEYS) do
  local at = 6 * i - 3
  local m = {
    key = key,
    meter = meters[ARGV[at]],
    capacity = tonumber(ARGV[at + 1]),
    window = tonumber(ARGV[at + 2]),
    step = tonumber(ARGV[at + 3]),
    amount = tonumber(ARGV[at + 4]),
    lease = ARGV[at + 5],
  }
  m.meter.load(m)
  asked[i] = m
end

if operation == 'take' or operation == 'peek' then
  for i, m in ipairs(asked) do
    decisions[i] = check(m, m.amount)
    admitted = admitted and decisions[i][1] == 1
  end
  for i, m in ipairs(asked) do
    if decisions[i][1] == 1 and not (admitted and operation == 'take') then
      decisions[i] = m.meter.check(m, 0) -- the figures as they stand
    elseif admitted and m.amount > 0 then
      m.meter.add(m, m.amount)
    end
  end
else -- settle, renew, release
  for i, m in ipairs(asked) do
    if operation == 'release' then
      m.meter.release(m)
    else
      m.meter.add(m, m.amount)
    end
    decisions[i] = m.meter.check(m, 0)
  end
end

local figures = {}
for _, decision in ipairs(decisions) do
  table.insert(figures, string.format('%d %.0f %.17g %.17g', unpack(decision)))
end
return table.concat(figures, ' ')
