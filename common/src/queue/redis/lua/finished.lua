-- finished: the end of a finish; it stands in front of the script complete.

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
-- as much.
local function delete_finished(stream, entries)
    redis.call('XACK', stream, GROUP, unpack(entries))
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

-- Stores outcomes and notes in `tasks` (keys 1) what was finished, by pairs of field and token; rings the news (4); keeps
-- outcomes, rows and news (2 to 4) alive.
local function note_finished(keys, set, releases, outcomes, keep_ms)
    redis.call('XADD', keys[2], '*', unpack(outcomes))
    redis.call('HSET', keys[1], unpack(set))
    if #releases > 0 then redis.call('HDEL', keys[1], unpack(releases)) end
    redis.call('XADD', keys[4], 'MAXLEN', 1, '*', 'w', 1)
    for k = 2, 4 do redis.call('PEXPIRE', keys[k], keep_ms) end
end
