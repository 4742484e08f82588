-- collect: drop the outcomes that the coordinator has, then show it the next ones.
-- KEYS 1 tasks  2 outcomes  3 news  4 versions  5… the job's other keys and those it shares (kept alive)
-- ARGV 1 keep_ms  2 version  3 most  4 bytes to stop after  5… triples of what it has: entry, field, mark
-- Returns {last ring of the news, {entry, field, mark, outcome}, …} in the order in which they were stored
-- Keeps: an outcome goes only once the coordinator says that it has it, so a lost reply loses nothing.
drains(KEYS[1])
for i = 5, #ARGV, 3 do
    redis.call('XDEL', KEYS[2], ARGV[i])
    if ARGV[i + 1] ~= '' and redis.call('HGET', KEYS[1], ARGV[i + 1]) == ARGV[i + 2] then
        redis.call('HDEL', KEYS[1], ARGV[i + 1])
    end
end
local answer, room, bytes = {last_ring(KEYS[3])}, tonumber(ARGV[3]), tonumber(ARGV[4])
local from, step = '-', 1 -- Grows while the outcomes are small: see lease.
while room > 0 and bytes > 0 do
    local count = math.min(step, room)
    local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', count)
    for _, entry in ipairs(entries) do
        local values = entry[2]
        answer[#answer + 1] = {entry[1], values[4], values[6], values[2]}
        bytes, from = bytes - #values[2], '(' .. entry[1]
    end
    if #entries < count then break end
    room, step = room - count, step * 4
end
keep_alive(KEYS, ARGV[1], ARGV[2], KEYS[4])
return answer
