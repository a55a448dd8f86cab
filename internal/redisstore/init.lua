-- Make a registry where there is none.
--
-- KEYS: registry. ARGV: its fields and values. Answer: what came of it.

local found = redis.call('TYPE', KEYS[1]).ok
if found == 'hash' then
  return 'there'
end
if found ~= 'none' then
  return 'type'
end
for i = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
return 'made'
