-- A server leaves the fleet, or is taken off the list.
--
-- KEYS: fleet, server. ARGV: name, and the Unix seconds of the heartbeat that
-- must be its last; empty: any. Answer: what came of it.

local beat = redis.call('ZSCORE', KEYS[1], ARGV[1])
if beat and ARGV[2] ~= '' and math.floor(tonumber(beat)) ~= tonumber(ARGV[2]) then
  return 'heard'
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 'done'
