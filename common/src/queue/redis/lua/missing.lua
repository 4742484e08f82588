-- missing: say which tasks the queue has lost, and repair what a loss of single keys has left.
-- KEYS 1 tasks  2 addressed  3 outcomes  4 jobs  5 bell
--      6… streams of the classes
-- ARGV 1 job  2 the prefix of the job's keys  3 ttl_ms  4 level of the job's priority
--      5… fields in `tasks` of tasks that should wait, be leased, or have an outcome to collect
-- Returns for each 1 missing | 0 there
-- Invariant: a task reported missing has no state and no entry any more: it can be pushed again, and a late finish is
--      stale. A job with open tasks stands in `jobs`. Goes through when the server is full.
drains(KEYS[1])
local states, fields = states_of(KEYS[1], 5, 1)
local missing, open, over = {}, 0, 0
for n in ipairs(fields) do
    missing[n] = 0
    if states[n] and not is_finished(states[n]) then open = open + 1 else over = over + 1 end
end

-- A finished task is lost if its outcome is.
local to_collect = over > 0 and fields_to_collect(KEYS[3]) or {}
local lost = 0
for n, field in ipairs(fields) do
    if (not states[n] or is_finished(states[n])) and not to_collect[field] then
        redis.call('HDEL', KEYS[1], field)
        missing[n], lost = 1, lost + 1
    end
end

local streams = with_addressed_streams({unpack(KEYS, 6)}, KEYS[2], ARGV[2])
if lost > 0 or count_entries(streams) < open then -- Rarely true, so entries are rarely read.
    local there = fields_on_streams(streams, KEYS[1])
    for n, field in ipairs(fields) do
        if states[n] and not is_finished(states[n]) and not there[field] then
            redis.call('HDEL', KEYS[1], field)
            missing[n], open = 1, open - 1
        end
    end
end

if open > 0 and redis.call('ZADD', KEYS[4], 'NX', score_of(ARGV[4], 0), ARGV[1]) == 1 then
    redis.call('PEXPIRE', KEYS[4], ARGV[3])
    ring(KEYS[5], ARGV[3])
end
return missing
