-- turns: decides which job and task come next; it stands in front of the lease script.

-- The server's clock in microseconds, as text.
local function now_us()
    local time = redis.call('TIME')
    return string.format('%.0f', time[1] * 1000000 + time[2])
end

-- Up to `most` ended leases on a stream; nil: no such stream. A group that was destroyed is made again from the first
-- entry on, as finished entries are deleted anyway.
local function overdue(stream, lease_ms, most)
    local pending = redis.pcall('XPENDING', stream, GROUP, 'IDLE', lease_ms, '-', '+', most)
    if not pending.err then return pending end
    if not string.find(pending.err, 'NOGROUP') then error(pending.err) end
    if redis.call('EXISTS', stream) == 0 then return nil end
    redis.call('XGROUP', 'CREATE', stream, GROUP, '0')
    return {}
end

-- Takes over an entry whose lease has ended; nil: another program deleted it, so it is no longer pending either.
local function take_ended(stream, consumer, lease_ms, entry)
    local claimed = redis.call('XCLAIM', stream, GROUP, consumer, lease_ms, entry)
    if claimed[1] then return claimed end
    redis.call('XACK', stream, GROUP, entry)
end

-- Gives up to `most` new entries of a stream to a consumer, while there are some and `rooms()` allows more. Reads more at
-- once as long as they are small: the size of an entry is known only after it is read.
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

-- Gives up to `most` entries of a stream to a consumer, by give(delivery, entries, previous holder), ended leases first.
-- A task that the consumer gave back is for others until a further length of a lease is over.
local function take(stream, consumer, lease_ms, most, rooms, give)
    local overdue_leases = overdue(stream, lease_ms, most)
    if not overdue_leases then return end
    for _, ended in ipairs(overdue_leases) do
        local is_for_others = ended[2] == all_but(consumer) and ended[3] < 2 * lease_ms
        local entries = not is_for_others and rooms() and take_ended(stream, consumer, lease_ms, ended[1])
        if entries then
            give(ended[4] + 1, entries, ended[2])
            most = most - 1
        end
    end
    read_new(stream, consumer, most, rooms, function(entries) give(1, entries) end)
end

-- The jobs of a queue; and the same by priority, the highest first: lists {level = …, job, …}, in each the job served
-- longest ago first. Jobs without tasks leave `jobs`.
local function live_jobs(jobs_key, prefix)
    local jobs, levels, scores = {}, {}, redis.call('ZRANGE', jobs_key, 0, -1, 'WITHSCORES')
    for i = 1, #scores, 2 do
        local job, level = scores[i], level_of(scores[i + 1])
        if redis.call('EXISTS', job_key(prefix, job, 'tasks')) == 1 then
            if not levels[1] or levels[#levels].level ~= level then levels[#levels + 1] = {level = level} end
            table.insert(levels[#levels], job)
            jobs[#jobs + 1] = job
        else
            redis.call('ZREM', jobs_key, job)
        end
    end
    return jobs, levels
end

-- Calls take(job, most) round by round for the jobs of one level, while `rooms()` gives the number still wanted; within a
-- round every job may take its share. `take` returns whether it took any; a served job then goes behind the others of its
-- level (`now` in microseconds).
local function each_turn(jobs_key, jobs, now, rooms, take)
    local took = true
    while took and rooms() do
        took = false
        for i, job in ipairs(jobs) do
            local room = rooms()
            if room and take(job, math.ceil(room / (#jobs - i + 1))) then
                redis.call('ZADD', jobs_key, score_of(jobs.level, now), job)
                took = true
            end
        end
    end
end

-- What a worker may still take: `most` tasks, `for_all` of those that all workers could do, and bytes. `left()` is the
-- number of tasks, or false; `is_for_all` says which tasks are asked for.
local function new_room(most, for_all, bytes)
    local room = {is_for_all = false}
    function room.left()
        local left = room.is_for_all and math.min(most, for_all) or most
        return left > 0 and bytes > 0 and left
    end
    function room.fill(entries)
        most = most - #entries
        if room.is_for_all then for_all = for_all - #entries end
        for _, entry in ipairs(entries) do bytes = bytes - (tonumber(entry[2][4]) or #entry[2][2]) end
    end
    return room
end
