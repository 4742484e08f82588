-- finished: the end of a finish; it stands in front of the script complete.

local function append(list, ...)
    for i = 1, select('#', ...) do list[#list + 1] = select(i, ...) end
    return list
end

-- Deletes finished entries. All that is before the first pending entry, or before a finished one if none is pending, was
-- delivered and finished: so this trim, which costs a tenth of deleting one by one, drops nothing that waits.
local function delete_finished(stream, entries)
    redis.call('XACK', stream, GROUP, unpack(entries))
    local first_pending = redis.call('XPENDING', stream, GROUP)[2]
    redis.call('XTRIM', stream, 'MINID', first_pending or entries[#entries])
    redis.call('XDEL', stream, unpack(entries))
end

-- Stores outcomes and notes in `tasks` (keys 1) what was finished, by pairs of field and mark; rings the news (4); keeps
-- outcomes, rows and news (2 to 4) alive.
local function note_finished(keys, set, releases, outcomes, keep_ms)
    redis.call('XADD', keys[2], '*', unpack(outcomes))
    redis.call('HSET', keys[1], unpack(set))
    redis.call('HDEL', keys[1], unpack(releases))
    redis.call('XADD', keys[4], 'MAXLEN', 1, '*', 'w', 1)
    for k = 2, 4 do redis.call('PEXPIRE', keys[k], keep_ms) end
end
