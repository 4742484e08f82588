-- rescue: hand the addressed tasks of workers that are gone to all.
-- KEYS 1 tasks  2 addressed  3 seen  4 stream of the class  5 bell
-- ARGV 1 the prefix of the job's keys
--      2 gone_ms: after this silence a worker is gone
--      3 lease_ms
--      4 ttl_ms
-- Returns how many were moved
-- Invariant: no entry is lost; a worker with leases is left alone until they have ended.
local now, moved = now_ms(), 0
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local seen = redis.call('ZSCORE', KEYS[3], worker)
    local stream, live = addressed_stream(ARGV[1], worker), 0
    if not seen or now - seen > tonumber(ARGV[2]) then
        -- A missing stream or group is an error reply here, and has no entries.
        local pending = redis.pcall('XPENDING', stream, GROUP, '-', '+', 512)
        for _, lease in ipairs(pending) do
            if lease[3] < tonumber(ARGV[3]) then live = live + 1 end
        end

        -- While a lease lasts, the worker may still finish its task.
        if live == 0 then
            drains(KEYS[1])
            for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do
                redis.call('XADD', KEYS[4], '*', unpack(entry[2]))
                redis.call('HSET', KEYS[1], entry[2][1], WAITING)
                moved = moved + 1
            end
            redis.call('UNLINK', stream)
            redis.call('SREM', KEYS[2], worker)
        end
    end
end

if moved > 0 then
    redis.pcall('XGROUP', 'CREATE', KEYS[4], GROUP, '0')
    ring(KEYS[5], ARGV[4])
    for _, k in ipairs({1, 4}) do redis.call('PEXPIRE', KEYS[k], ARGV[4]) end
end
return moved
