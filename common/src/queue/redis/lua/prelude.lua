-- prelude: what several scripts need; it stands in front of each, after the names of keys.rs.

-- The server's clock in milliseconds, as text (Lua would write large numbers with an exponent).
local function now_ms()
    local time = redis.call('TIME')
    return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end

-- Whether a lease still holds its entry: pending, this consumer's, and held for the same time as when it was given.
-- `among` is how many are asked for: for many, what the consumer holds is read at once (a call for each costs 3 µs).
local read_at_once = {}
local function held(stream, entry, holds, consumer, among)
    local of_stream = read_at_once[stream] or {}
    read_at_once[stream] = of_stream
    if among > 4 and not of_stream[consumer] then
        of_stream[consumer] = {}
        for _, hold in ipairs(redis.pcall('XPENDING', stream, GROUP, '-', '+', 2 * among, consumer)) do
            of_stream[consumer][hold[1]] = hold[4]
        end
    end
    local found = of_stream[consumer] and of_stream[consumer][entry]
    if not found then
        local pending = redis.pcall('XPENDING', stream, GROUP, entry, entry, 1, consumer)
        if pending.err and not string.find(pending.err, 'NOGROUP') then
            error(pending.err)
        end
        found = pending[1] and pending[1][4] -- No group: the stream is gone, and all leases with it.
    end
    return found == tonumber(holds)
end

-- Whether a state in `tasks` is the token that finished the task: the id of an entry has no colon.
local function is_finished(state)
    return string.find(state, ':', 1, true) ~= nil
end

-- Lets the keys of a job, and those it shares, live on; notes that this version has a coordinator.
local function keep_alive(keys, keep_ms, version, versions)
    redis.call('ZADD', versions, now_ms(), version)
    for _, key in ipairs(keys) do
        redis.call('PEXPIRE', key, keep_ms)
    end
end

-- The last entry of a bell: who blocks on it from there misses no ring.
local function last_ring(bell)
    local last = redis.call('XREVRANGE', bell, '+', '-', 'COUNT', 1)
    return last[1] and last[1][1] or '0-0'
end

-- Lets the rest of the script go through when the server is full: it asks only at the first write of a script, and this
-- one needs no memory. For what drains the server in the end.
local function drains(hash)
    redis.call('HDEL', hash, '')
end
