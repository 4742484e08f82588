-- taken: what becomes of blobs and entries when a task is finished; it stands in front of the script complete.

-- Takes over what was sent before the finish: blocks get the names of rows, an outcome that stands apart lives on.
-- `sent` says what that is: `b` (the task's own body, which goes), `o` (the outcome), and how many blocks. Returns
-- whether all of it is there; if not, nothing was done.
local function take_over(blobs, base, field, hold, sent, keep_ms)
    local body, outcome, blocks = string.match(sent, '^(b?)(o?)(%d+)$')
    local mine, names, outcome_name = field .. ':' .. hold, {}, 'outcome:' .. field .. ':' .. hold
    if outcome == 'o' and redis.call('PEXPIRE', base .. outcome_name, keep_ms) == 0 then return false end
    for n = 1, tonumber(blocks) do
        if redis.call('EXISTS', base .. 'staged:' .. mine .. ':' .. (n - 1)) == 0 then return false end
    end
    for n = 1, tonumber(blocks) do
        names[n] = 'rows:' .. field .. ':' .. (n - 1)
        redis.call('RENAME', base .. 'staged:' .. mine .. ':' .. (n - 1), base .. names[n])
        redis.call('PEXPIRE', base .. names[n], keep_ms)
    end
    if outcome == 'o' then names[#names + 1] = outcome_name end
    if #names > 0 then redis.call('SADD', blobs, unpack(names)) end
    if body == 'b' then drop_blobs(blobs, base, {'body:' .. field}) end
    return true
end

-- Removes what was sent before a finish that is refused.
local function refuse(base, field, hold, sent)
    redis.call('UNLINK', base .. 'outcome:' .. field .. ':' .. hold)
    for n = 1, tonumber(string.match(sent, '%d+$')) do
        redis.call('UNLINK', base .. 'staged:' .. field .. ':' .. hold .. ':' .. (n - 1))
    end
end

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
