-- finished: what becomes of entries when their tasks are finished; it stands in front of the script complete.

-- Whether an entry id comes before another. Ids of one length have clocks of one length (13 digits until the year 2286),
-- so they compare as texts.
local function is_before(a, b)
    if #a == #b then return a < b end
    local a_ms, a_number = string.match(a, '(%d+)-(%d+)')
    local b_ms, b_number = string.match(b, '(%d+)-(%d+)')
    a_ms, b_ms = tonumber(a_ms), tonumber(b_ms)
    return a_ms < b_ms or a_ms == b_ms and tonumber(a_number) < tonumber(b_number)
end

-- Deletes finished entries. All that is before the first pending entry (or before the last of these, if none is pending)
-- was delivered and finished: so a trim up to there drops nothing that waits, and deleting one by one costs ten times
-- as much. That holds only as long as they are pending themselves: a group that was made anew has yet to read the others.
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
