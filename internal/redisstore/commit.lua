-- One commit: check everything, count it, tell the change stream, write.
--
-- Redis does not undo what a script did before it failed. So nothing is written
-- until all is checked, and the stream is told first: an invalidation without a
-- change is harmless, a change without an invalidation is not.
--
-- KEYS: registry, changes, then the keys that the writes refer to by position.
-- ARGV: schema, stream length, keys, op, by, at, note, number of writes; each
--       write is
--         record                       position in KEYS
--         n, then n fields and values  what must stand there; -1: nothing
--         n, then n fields and values  to set
--         n, then n fields             to remove
--         set, member                  index to add to; position 0: none
--         name, value                  index to make; position 0: none
--         set, member                  index to remove from; position 0: none
--       then the JWTs to revoke
--         revoked                      position in KEYS; 0: none, and nothing more
--         most, now                    how many there may be; what is older is forgotten
--         n, then n times and members  when each may be forgotten
-- Answer: what came of it, and the position of the key that was in the way.

local next_arg = 0

local function take()
  next_arg = next_arg + 1
  return ARGV[next_arg]
end

local function take_number()
  return tonumber(take())
end

local function take_pairs(n)
  local fields = {}
  for _ = 1, n do
    local field = take()
    fields[field] = take()
  end
  return fields
end

local function type_of(position)
  return redis.call('TYPE', KEYS[position]).ok
end

local function is_other(position, wanted)
  local found = type_of(position)
  return found ~= 'none' and found ~= wanted
end

local function equals(position, fields, n)
  local found = redis.call('HGETALL', KEYS[position])
  if #found ~= 2 * n then
    return false
  end
  for i = 1, #found, 2 do
    if fields[found[i]] ~= found[i + 1] then
      return false
    end
  end
  return true
end

local schema, stream_length = take(), take()
local entry = { keys = take(), op = take(), by = take(), at = take(), note = take() }

if is_other(1, 'hash') then
  return { 'type', '1' }
end
if type_of(1) == 'none' then
  return { 'registry', '1' }
end
local found_schema = redis.call('HGET', KEYS[1], 'schema') or ''
if found_schema ~= schema then
  return { 'schema', '1' }
end
local found_seq = redis.call('HGET', KEYS[1], 'seq') or '0'
if not string.find(found_seq, '^%d+$') then
  return { 'seq', '1' }
end
if is_other(2, 'stream') then
  return { 'type', '2' }
end

local writes = {}
for i = 1, take_number() do
  local w = { record = take_number() }
  local expected = take_number()
  local expect = take_pairs(expected)
  w.sets = take_number()
  w.set = { KEYS[w.record] }
  for _ = 1, 2 * w.sets do
    w.set[#w.set + 1] = take()
  end
  w.unset = {}
  for j = 1, take_number() do
    w.unset[j] = take()
  end
  w.index, w.member = take_number(), take()
  w.name, w.value = take_number(), take()
  w.left, w.left_member = take_number(), take()

  if is_other(w.record, 'hash') then
    return { 'type', tostring(w.record) }
  end
  if w.index > 0 and is_other(w.index, 'set') then
    return { 'type', tostring(w.index) }
  end
  if w.left > 0 and is_other(w.left, 'set') then
    return { 'type', tostring(w.left) }
  end
  if w.name > 0 and is_other(w.name, 'string') then
    return { 'type', tostring(w.name) }
  end
  if expected < 0 then
    if type_of(w.record) ~= 'none' then
      return { 'exists', tostring(w.record) }
    end
    if w.name > 0 and type_of(w.name) ~= 'none' then
      return { 'exists', tostring(w.name) }
    end
  elseif not equals(w.record, expect, expected) then
    return { 'conflict', tostring(w.record) }
  end
  writes[i] = w
end

local revoked = { key = take_number(), news = {} }
if revoked.key > 0 then
  if is_other(revoked.key, 'zset') then
    return { 'type', tostring(revoked.key) }
  end
  local most, now = take_number(), take_number()
  -- Whichever clock is behind: what is forgotten too early would be accepted again.
  revoked.past = '(' .. string.format('%d', math.min(now, tonumber(redis.call('TIME')[1])))
  local count = redis.call('ZCOUNT', KEYS[revoked.key], revoked.past:sub(2), '+inf')
  for i = 1, take_number() do
    local new = { forget = take(), member = take() }
    local score = redis.call('ZSCORE', KEYS[revoked.key], new.member)
    if not score or tonumber(score) < tonumber(revoked.past:sub(2)) then
      count = count + 1
    end
    revoked.news[i] = new
  end
  if count > most then
    return { 'many', tostring(revoked.key) }
  end
end

redis.call('HINCRBY', KEYS[1], 'seq', '1')
local seq = redis.call('HGET', KEYS[1], 'seq')
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', stream_length, '*', 'seq', seq, 'keys', entry.keys,
  'op', entry.op, 'by', entry.by, 'at', entry.at, 'note', entry.note)

for _, w in ipairs(writes) do
  -- One HDEL a field: an unreadable record may have any number of them. What
  -- is set has no more fields than the schema.
  for _, field in ipairs(w.unset) do
    redis.call('HDEL', KEYS[w.record], field)
  end
  if w.sets > 0 then
    redis.call('HSET', unpack(w.set))
  end
  if w.left > 0 then
    redis.call('SREM', KEYS[w.left], w.left_member)
  end
  if w.index > 0 then
    redis.call('SADD', KEYS[w.index], w.member)
  end
  if w.name > 0 then
    redis.call('SET', KEYS[w.name], w.value)
  end
end

if revoked.key > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[revoked.key], '-inf', revoked.past)
  for _, new in ipairs(revoked.news) do
    redis.call('ZADD', KEYS[revoked.key], 'GT', new.forget, new.member)
  end
end

return { 'done', seq, id }
