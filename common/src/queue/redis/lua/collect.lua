-- collect: drop the outcomes that the coordinator has, then show it the next ones.
-- KEYS 1 tasks  2 outcomes  3 news  4 versions  5… the job's other keys and those it shares (kept alive)
-- ARGV 1 keep_ms  2 version  3 most to begin with  4 bytes to stop after  5… triples of what it has, in order: entry, field, token
-- Returns {last ring of the news, {entry, {field, outcome, k, token, field, …}}, …} in the order of storing; whole
--      entries, so they may be more than `most`
-- Keeps: an outcome goes only once the coordinator says that it has it, so a lost reply loses nothing.
drains(KEYS[1])
local fields = {}
for i = 5, #ARGV, 3 do fields[#fields + 1] = ARGV[i + 1] end
if #fields > 0 then
    local states, done = redis.call('HMGET', KEYS[1], unpack(fields)), {}
    for n, state in ipairs(states) do
        if state and state == ARGV[4 + 3 * n] then done[#done + 1] = fields[n] end
    end
    if #done > 0 then redis.call('HDEL', KEYS[1], unpack(done)) end
    local last = ARGV[#ARGV - 2] -- All before it were shown and taken, too; to trim costs a tenth of deleting each.
    redis.call('XTRIM', KEYS[2], 'MINID', last)
    redis.call('XDEL', KEYS[2], last)
end
local answer, room, bytes = {last_ring(KEYS[3])}, tonumber(ARGV[3]), tonumber(ARGV[4])
local from = '-'
while room > 0 and bytes > 0 do
    local entry = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', 1)[1]
    if not entry then break end
    answer[#answer + 1], from = entry, '(' .. entry[1]
    for i = 2, #entry[2], 4 do
        room, bytes = room - 1, bytes - #entry[2][i]
    end
end
keep_alive(KEYS, ARGV[1], ARGV[2], KEYS[4])
return answer
