-- sweep: remove consumers that hold nothing and have been idle for long.
-- KEYS streams of a job
-- ARGV 1 idle_ms
-- Returns how many were removed
-- Invariant: every pending entry stays; deleting a consumer would drop those that it holds.
local removed = 0
for _, stream in ipairs(KEYS) do
    local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, GROUP)
    if consumers.err and not string.find(consumers.err, 'NOGROUP') and not string.find(consumers.err, 'no such key') then
        error(consumers.err)
    end
    for _, consumer in ipairs(consumers) do
        local about = {}
        for i = 1, #consumer, 2 do about[consumer[i]] = consumer[i + 1] end
        if about.pending == 0 and about.idle >= tonumber(ARGV[1]) then
            redis.call('XGROUP', 'DELCONSUMER', stream, GROUP, about.name)
            removed = removed + 1
        end
    end
end
return removed
