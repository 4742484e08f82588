-- losses: finds out which single keys of a job are gone; it stands in front of the script missing.

-- The fields of the tasks that have an outcome to collect, as a set.
local function fields_to_collect(outcomes)
    local fields, from = {}, '-'
    while true do
        local entry = redis.call('XRANGE', outcomes, from, '+', 'COUNT', 1)[1]
        if not entry then return fields end
        for field in string.gmatch(entry[2][1], '%S+') do fields[field] = true end
        from = '(' .. entry[1]
    end
end

-- The fields of the tasks that stand on streams, as a set. Removes entries without a state, and second entries of a task.
-- A loss of `tasks` leaves entries without a state. Their tasks are pushed again, and two entries of one task would take
-- the lease from each other again and again.
local function fields_on_streams(streams, tasks)
    local fields = {}
    for _, stream in ipairs(streams) do
        for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do
            local field = entry[2][1]
            if not fields[field] and redis.call('HGET', tasks, field) then
                fields[field] = true
            else
                redis.call('XACK', stream, GROUP, entry[1])
                redis.call('XDEL', stream, entry[1])
            end
        end
    end
    return fields
end

-- The number of entries on streams.
local function count_entries(streams)
    local count = 0
    for _, stream in ipairs(streams) do count = count + redis.call('XLEN', stream) end
    return count
end
