-- finished: deletes the entries of finished tasks; it stands in front of the script complete.

-- Whether an entry id comes before another. The clock in an id has 13 digits until the year 2286, so ids of one length
-- compare as texts.
local function is_before(a, b)
    if #a == #b then return a < b end
    local a_ms, a_number = string.match(a, '(%d+)-(%d+)')
    local b_ms, b_number = string.match(b, '(%d+)-(%d+)')
    a_ms, b_ms = tonumber(a_ms), tonumber(b_ms)
    return a_ms < b_ms or a_ms == b_ms and tonumber(a_number) < tonumber(b_number)
end

-- Deletes finished entries. Everything before the first pending entry (before the last of these, if none is pending)
-- was delivered and finished. So a trim up to there drops no waiting task, at a tenth of the cost of single deletions.
-- This is true only if all these entries were pending: a group that was made anew has yet to read those before them.
local function delete_finished(stream, entries)
    if redis.call('XACK', stream, GROUP, unpack(entries)) < #entries then
        redis.call('XDEL', stream, unpack(entries))
        return
    end
    local bound = redis.call('XPENDING', stream, GROUP)[2]
    if not bound then
        bound = entries[1]
        for _, entry in ipairs(entries) do
            if is_before(bound, entry) then bound = entry end
        end
    end
    redis.call('XTRIM', stream, 'MINID', bound)
    local rest = {}
    for _, entry in ipairs(entries) do
        if not is_before(entry, bound) then rest[#rest + 1] = entry end
    end
    if #rest > 0 then redis.call('XDEL', stream, unpack(rest)) end
end
