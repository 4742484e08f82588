-- prelude: what several scripts need; it stands in front of each, after the names of keys.rs.

-- The server's clock in milliseconds, as text (Lua would write large numbers with an exponent).
local function now_ms()
    local time = redis.call('TIME')
    return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end

-- A state in `tasks`: the task waits; or it is leased under the hold that follows; or that hold finished it.
local WAITING, LEASED, FINISHED = 'waiting', 'leased ', 'finished '
local function is_finished(state)
    return string.sub(state, 1, #FINISHED) == FINISHED
end

-- The states of the tasks whose fields stand in ARGV from `first` on, each `step` after the other; and those fields.
local function states_of(tasks, first, step)
    local fields = {}
    for i = first, #ARGV, step do fields[#fields + 1] = ARGV[i] end
    return redis.call('HMGET', tasks, unpack(fields)), fields
end

-- The same of groups in ARGV: hold and number of tasks, then `step` values a task, the field first. Returns states, fields,
-- holds, and the last value of each task.
local function states_of_groups(tasks, first, step)
    local fields, holds, lasts = {}, {}, {}
    while first <= #ARGV do
        local hold, count = ARGV[first], tonumber(ARGV[first + 1])
        for i = first + 2, first + 1 + count * step, step do
            local n = #fields + 1
            fields[n], holds[n], lasts[n] = ARGV[i], hold, ARGV[i + step - 1]
        end
        first = first + 2 + count * step
    end
    return redis.call('HMGET', tasks, unpack(fields)), fields, holds, lasts
end

-- Gives pending entries to a consumer, with the options that follow; returns the ids that it got, as a set. Entries of a
-- stream or group that is gone are nobody's.
local function claim(stream, consumer, entries, ...)
    local arguments, got = {stream, GROUP, consumer, 0, unpack(entries)}, {}
    for _, option in ipairs({...}) do arguments[#arguments + 1] = option end
    local claimed = redis.pcall('XCLAIM', unpack(arguments))
    if claimed.err and not string.find(claimed.err, 'NOGROUP') then error(claimed.err) end
    for _, entry in ipairs(claimed) do got[entry] = true end
    return got
end

-- The stream of the tasks for one worker alone, which keeps their rows.
local function addressed_stream(base, worker) return base .. 'render@' .. worker end

-- Appends those of all workers that have one to a list of keys, and returns it.
local function with_addressed_streams(keys, addressed, base)
    for _, worker in ipairs(redis.call('SMEMBERS', addressed)) do keys[#keys + 1] = addressed_stream(base, worker) end
    return keys
end

-- Lets keys live on; notes that this version has a coordinator.
local function renews(keys, ttl_ms, version, versions)
    redis.call('ZADD', versions, now_ms(), version)
    for _, key in ipairs(keys) do
        redis.call('PEXPIRE', key, ttl_ms)
    end
end

-- Wakes the one who has waited at a bell for longest, or who comes next. It looks for tasks, and rings again if it leaves
-- some: so of many who wait, no more are woken than find something.
local function ring(bell, ttl_ms)
    if redis.call('EXISTS', bell) == 1 then return end
    redis.call('RPUSH', bell, 1)
    redis.call('PEXPIRE', bell, ttl_ms)
end

-- Lets the rest of the script go through when the server is full: it asks only at the first write of a script, and this
-- one needs no memory. For what drains the server in the end.
local function drains(hash)
    redis.call('HDEL', hash, '')
end
