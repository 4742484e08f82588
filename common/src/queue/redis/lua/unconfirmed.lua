-- unconfirmed: ends leases whose answers no worker confirmed; it stands in front of the lease script.

-- Ends the lease of a pending entry if it has this lease id, as if it had never been given: the delivery does not count.
-- The lease id stays valid until another worker takes the task over, in case its worker is alive after all.
local function end_lease(stream, tasks, lease_id, pending)
    local id = pending[1]
    local entry = redis.call('XRANGE', stream, id, id)[1]
    if entry and redis.call('HGET', tasks, entry[2][1]) == LEASED .. lease_id then
        -- Held by nobody and idle since 1970, so the lease has ended.
        claim(stream, 'nobody', {id}, 'TIME', 1, 'RETRYCOUNT', pending[4] - 1, 'JUSTID')
    end
end

-- Ends all leases with this lease id, in all jobs.
local function end_leases(lease_id, prefix, jobs, classes)
    local worker = string.match(lease_id, ':(.*)')
    for _, job in ipairs(jobs) do
        local base, tasks = job_key(prefix, job, ''), job_key(prefix, job, 'tasks')
        local streams = {addressed_stream(base, worker)}
        for _, class in ipairs(classes) do streams[#streams + 1] = base .. class end
        for _, stream in ipairs(streams) do
            local pending = redis.pcall('XPENDING', stream, GROUP, '-', '+', 4096, worker)
            for _, one in ipairs(pending) do end_lease(stream, tasks, lease_id, one) end
        end
    end
end

-- Ends the leases whose lease ids were given before this moment, in microseconds, unless they are among those confirmed
-- now. There is hardly ever one.
local function end_unconfirmed(unconfirmed, before, confirmed, prefix, jobs, classes)
    local lease_ids = redis.call('ZRANGEBYSCORE', unconfirmed, '-inf', before, 'LIMIT', 0, 16)
    if not lease_ids[1] then return end
    local heard = {}
    for _, lease_id in ipairs(confirmed) do heard[lease_id] = true end
    for _, lease_id in ipairs(lease_ids) do
        if not heard[lease_id] then
            end_leases(lease_id, prefix, jobs, classes)
            redis.call('ZREM', unconfirmed, lease_id)
        end
    end
end

-- Notes that a lease id was given, and that others are confirmed. Sets the lifetime of the key when it may be new.
local function note_lease_id(unconfirmed, us, lease_id, confirmed, ttl_ms)
    redis.call('ZADD', unconfirmed, us, lease_id)
    local known = confirmed[1] and redis.call('ZREM', unconfirmed, unpack(confirmed)) or 0
    if known == 0 then redis.call('PEXPIRE', unconfirmed, ttl_ms) end
end
