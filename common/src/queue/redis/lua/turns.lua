-- turns: whose turn it is; it stands in front of the lease script.

-- The server's clock in microseconds, as text.
local function now_us()
    local time = redis.call('TIME')
    return string.format('%.0f', time[1] * 1000000 + time[2])
end

-- Up to `most` holds on a stream that have ended; nil: no such stream. A group that was destroyed is made again, and
-- reads all that is there: what was finished is not.
local function overdue(stream, lease_ms, most)
    local pending = redis.pcall('XPENDING', stream, GROUP, 'IDLE', lease_ms, '-', '+', most)
    if not pending.err then return pending end
    if not string.find(pending.err, 'NOGROUP') then error(pending.err) end
    if redis.call('EXISTS', stream) == 0 then return nil end
    redis.call('XGROUP', 'CREATE', stream, GROUP, '0')
    return {}
end

-- Takes over an entry whose lease has ended; nil, and no longer pending: it was deleted by another hand.
local function take_ended(stream, consumer, lease_ms, entry)
    local claimed = redis.call('XCLAIM', stream, GROUP, consumer, lease_ms, entry)
    if claimed[1] then return claimed end
    redis.call('XACK', stream, GROUP, entry)
end

-- Gives up to `most` new entries of a stream to a consumer, while there are some and `rooms()` says so. How many are read
-- at once grows while they are small, as how large they are is known only then.
local function read_new(stream, consumer, most, rooms, give)
    local step = 1
    while most > 0 and rooms() do
        local count = math.min(step, most)
        local read = redis.call('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', count, 'STREAMS', stream, '>')
        if not read then return end
        give(read[1][2])
        if #read[1][2] < count then return end
        most, step = most - count, step * 4
    end
end

-- Gives up to `most` entries of a stream to a consumer, by give(delivery, entries, who held them): first those whose leases
-- have ended. What it has given back is for others, until the lease that it counts as has ended, too.
local function take(stream, consumer, lease_ms, most, rooms, give)
    local holds = overdue(stream, lease_ms, most)
    if not holds then return end
    for _, ended in ipairs(holds) do
        local is_for_others = ended[2] == all_but(consumer) and ended[3] < 2 * lease_ms
        local entries = not is_for_others and rooms() and take_ended(stream, consumer, lease_ms, ended[1])
        if entries then
            give(ended[4] + 1, entries, ended[2])
            most = most - 1
        end
    end
    read_new(stream, consumer, most, rooms, function(entries) give(1, entries) end)
end

-- The jobs of a queue, the one that was served longest ago first.
local function live_jobs(jobs_key, prefix)
    local jobs = {}
    for _, job in ipairs(redis.call('ZRANGE', jobs_key, 0, -1)) do
        if redis.call('EXISTS', job_key(prefix, job, 'tasks')) == 1 then
            jobs[#jobs + 1] = job
        else
            redis.call('ZREM', jobs_key, job)
        end
    end
    return jobs
end

-- Calls take(job, most) round by round, while `rooms()` says how many more are wanted; within a round every job may take its
-- share. `take` says whether it took any; a job that was served goes behind the others.
local function each_turn(jobs_key, jobs, rooms, take)
    local now, took = now_us(), true
    while took and rooms() do
        took = false
        for i, job in ipairs(jobs) do
            local room = rooms()
            if room and take(job, math.ceil(room / (#jobs - i + 1))) then
                redis.call('ZADD', jobs_key, now, job)
                took = true
            end
        end
    end
end
