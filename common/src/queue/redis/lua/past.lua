-- past: return a task's past and the workers that vanished with it; note whose lease on it has just ended.
-- KEYS 1 past  2 tasks  3 seen
-- ARGV 1 the task's field in `tasks`
--      2 lease id
--      3 the worker whose lease ended, or empty
--      4 silent_ms: after this silence a worker has vanished
--      5 ttl_ms
-- Returns {past, encoded, or empty, how many more may have vanished, workers that have}
-- Invariant: a worker seen after its lease was taken over has not vanished. None vanishes before `silent_ms` are over.
local now, holders, gone, undecided = now_ms(), {}, {}, 0
for since, worker in string.gmatch(redis.call('HGET', KEYS[1], holders_field(ARGV[1])) or '', '(%d+) ([^\n]*)\n') do
    if worker ~= ARGV[3] then holders[#holders + 1] = {since, worker} end
end

if ARGV[3] ~= '' and redis.call('HGET', KEYS[2], ARGV[1]) == LEASED .. ARGV[2] then
    holders[#holders + 1] = {now, ARGV[3]}
    local lines = ''
    for _, holder in ipairs(holders) do lines = lines .. holder[1] .. ' ' .. holder[2] .. '\n' end
    drains(KEYS[2])
    redis.call('HSET', KEYS[1], holders_field(ARGV[1]), lines)
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
end

-- Not seen since its lease was taken over: it has vanished, or is only late.
for _, holder in ipairs(holders) do
    local seen = redis.call('ZSCORE', KEYS[3], holder[2])
    if not seen or tonumber(seen) < tonumber(holder[1]) then
        if now - holder[1] < tonumber(ARGV[4]) then
            undecided = undecided + 1
        else
            gone[#gone + 1] = holder[2]
        end
    end
end

return {redis.call('HGET', KEYS[1], ARGV[1]) or '', undecided, gone}
