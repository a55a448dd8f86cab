-- Which commands may whoever runs this not give? Nothing is read or written.
--
-- ARGV: a JSON list of commands, each a list of words. Answer: the positions of
-- those that are refused, counted from 1.

if not redis.acl_check_cmd then
  return redis.error_reply('ERR this server does not tell')
end
local refused = {}
for i, command in ipairs(cjson.decode(ARGV[1])) do
  -- A command that the server does not have is an error.
  local known, may = pcall(redis.acl_check_cmd, unpack(command))
  if not known or not may then
    refused[#refused + 1] = i
  end
end
return refused
