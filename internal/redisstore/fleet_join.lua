-- A server takes its place in the fleet: whatever stood there of it is gone.
--
-- KEYS: fleet, server. ARGV: name, then fields and values.

redis.call('ZSCORE', KEYS[1], ARGV[1]) -- fails on a key of another type, before anything is written
redis.call('DEL', KEYS[2])
for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[1])
return 'done'
