-- A heartbeat. Who has been taken off the list is not put there again: it has to
-- learn that nobody waits for it any more.
--
-- KEYS: fleet, server. ARGV: name, applied, withheld; empty: none.
-- Answer: what came of it.

if not redis.call('ZSCORE', KEYS[1], ARGV[1]) or not redis.call('HGET', KEYS[2], 'boot') then
  return 'missing'
end
for i, field in ipairs({ 'applied', 'withheld' }) do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[2], field)
  else
    redis.call('HSET', KEYS[2], field, ARGV[i + 1])
  end
end
redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[1])
return 'done'
