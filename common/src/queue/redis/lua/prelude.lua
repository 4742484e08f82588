-- prelude: functions that several scripts share; it stands in front of each, after the names of keys.rs.

-- The server's clock in milliseconds, as text (Lua would write large numbers with an exponent).
local function now_ms()
    local time = redis.call('TIME')
    return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end

-- A state in `tasks`: the task waits, is leased under the lease id that follows, or was finished under it.
local WAITING, LEASED, FINISHED = 'waiting', 'leased ', 'finished '
local function is_finished(state)
    return string.sub(state, 1, #FINISHED) == FINISHED
end

-- The states of the tasks whose fields stand in ARGV at `first` and every `step` after it; and those fields.
local function states_of(tasks, first, step)
    local fields = {}
    for i = first, #ARGV, step do fields[#fields + 1] = ARGV[i] end
    return redis.call('HMGET', tasks, unpack(fields)), fields
end

-- The same for groups in ARGV: lease id and number of tasks, then `step` values for each task, its field first. Returns
-- states, fields, lease ids, and the last value of each task.
local function states_of_groups(tasks, first, step)
    local fields, lease_ids, lasts = {}, {}, {}
    while first <= #ARGV do
        local lease_id, count = ARGV[first], tonumber(ARGV[first + 1])
        for i = first + 2, first + 1 + count * step, step do
            local n = #fields + 1
            fields[n], lease_ids[n], lasts[n] = ARGV[i], lease_id, ARGV[i + step - 1]
        end
        first = first + 2 + count * step
    end
    return redis.call('HMGET', tasks, unpack(fields)), fields, lease_ids, lasts
end

-- Gives pending entries to a consumer, with further options of XCLAIM; returns the ids that it got, as a set. If the
-- stream or its group is gone, it gets none.
local function claim(stream, consumer, entries, ...)
    local arguments, got = {stream, GROUP, consumer, 0, unpack(entries)}, {}
    for _, option in ipairs({...}) do arguments[#arguments + 1] = option end
    local claimed = redis.pcall('XCLAIM', unpack(arguments))
    if claimed.err and not string.find(claimed.err, 'NOGROUP') then error(claimed.err) end
    for _, entry in ipairs(claimed) do got[entry] = true end
    return got
end

-- The stream of the tasks that are addressed to one worker, as their rows are in its stash.
local function addressed_stream(base, worker) return base .. 'render@' .. worker end

-- Appends the addressed streams of all workers to a list of keys, and returns the list.
local function with_addressed_streams(keys, addressed, base)
    for _, worker in ipairs(redis.call('SMEMBERS', addressed)) do keys[#keys + 1] = addressed_stream(base, worker) end
    return keys
end

-- Renews the lifetime of keys; notes that this version has a coordinator.
local function renews(keys, ttl_ms, version, versions)
    redis.call('ZADD', versions, now_ms(), version)
    for _, key in ipairs(keys) do
        redis.call('PEXPIRE', key, ttl_ms)
    end
end

-- Wakes the worker that has waited at a bell for longest, or the next one to come. It leases, and rings again if it
-- leaves some: so no more workers are woken than find tasks.
local function ring(bell, ttl_ms)
    if redis.call('EXISTS', bell) == 1 then return end
    redis.call('RPUSH', bell, 1)
    redis.call('PEXPIRE', bell, ttl_ms)
end

-- Lets the rest of the script go through when the server is full: Redis checks its memory only at the first write of a
-- script, and this one needs none. For scripts that drain the server in the end.
local function drains(hash)
    redis.call('HDEL', hash, '')
end

-- The score of a job in `jobs`: when it was last served, in microseconds (0: never), moved so that jobs of a higher
-- priority come first. `level` is -1 for high, 0 for normal, 1 for low. All scores are exact until the year 2096.
local LEVEL = 4e15
local function score_of(level, served) return string.format('%.0f', level * LEVEL + served) end
local function level_of(score) return math.floor(score / LEVEL) end
