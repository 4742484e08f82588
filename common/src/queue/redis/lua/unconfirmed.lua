-- unconfirmed: what becomes of leases whose answer nobody heard; it stands in front of the lease script.

-- Ends the lease of a pending entry if it is under this hold, as if it had never been given: the delivery does not count.
-- The hold stays right until another takes the task over, should its worker be there after all.
local function end_lease(stream, tasks, hold, pending)
    local id = pending[1]
    local entry = redis.call('XRANGE', stream, id, id)[1]
    if entry and redis.call('HGET', tasks, entry[2][1]) == LEASED .. hold then
        -- Nobody's, and idle since 1970: ended.
        claim(stream, 'nobody', {id}, 'TIME', 1, 'RETRYCOUNT', pending[4] - 1, 'JUSTID')
    end
end

-- Ends the leases that a hold is of, in all jobs.
local function end_leases(hold, prefix, jobs, classes)
    local worker = string.match(hold, ':(.*)')
    for _, job in ipairs(jobs) do
        local base, tasks = job_key(prefix, job, ''), job_key(prefix, job, 'tasks')
        local streams = {addressed_stream(base, worker)}
        for _, class in ipairs(classes) do streams[#streams + 1] = base .. class end
        for _, stream in ipairs(streams) do
            local pending = redis.pcall('XPENDING', stream, GROUP, '-', '+', 4096, worker)
            for _, one in ipairs(pending) do end_lease(stream, tasks, hold, one) end
        end
    end
end

-- Ends the leases of the holds that were given before this moment, in microseconds, and are neither confirmed nor among
-- those that are confirmed now. Nearly always there is none.
local function end_unconfirmed(unconfirmed, before, confirmed, prefix, jobs, classes)
    local holds = redis.call('ZRANGEBYSCORE', unconfirmed, '-inf', before, 'LIMIT', 0, 16)
    if not holds[1] then return end
    local heard = {}
    for _, hold in ipairs(confirmed) do heard[hold] = true end
    for _, hold in ipairs(holds) do
        if not heard[hold] then
            end_leases(hold, prefix, jobs, classes)
            redis.call('ZREM', unconfirmed, hold)
        end
    end
end

-- Notes that a hold was given, and that the answers of others were heard. The key gets its lifetime when it may be new.
local function note_hold(unconfirmed, us, hold, confirmed, ttl_ms)
    redis.call('ZADD', unconfirmed, us, hold)
    local known = confirmed[1] and redis.call('ZREM', unconfirmed, unpack(confirmed)) or 0
    if known == 0 then redis.call('PEXPIRE', unconfirmed, ttl_ms) end
end
