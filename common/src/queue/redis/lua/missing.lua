-- missing: say which tasks the queue has lost.
-- KEYS 1 tasks  2 addressed  3… streams of the classes
-- ARGV 1 what the job's keys begin with  2… fields in `tasks` of tasks that should wait, be leased, or have an outcome to collect
-- Returns for each 1 missing | 0 there
-- Keeps: a task that is said to be missing has no state any more, so it can be pushed again, and a late finish is stale.
local states, fields = states_of(KEYS[1], 2, 1)
local missing, open, on_streams = {}, 0, 0
for n in ipairs(fields) do
    missing[n] = states[n] and 0 or 1
    if states[n] and not is_finished(states[n]) then open = open + 1 end
end
local streams = with_addressed_streams({unpack(KEYS, 3)}, KEYS[2], ARGV[1])
for _, stream in ipairs(streams) do on_streams = on_streams + redis.call('XLEN', stream) end
if on_streams >= open then return missing end
-- States without entries: a server that came back with a part of its data. They are sorted out one by one.
local there = {}
for _, stream in ipairs(streams) do
    for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do there[entry[2][1]] = true end
end
for n, field in ipairs(fields) do
    if missing[n] == 0 and not is_finished(states[n]) and not there[field] then
        redis.call('HDEL', KEYS[1], field)
        missing[n] = 1
    end
end
return missing
