-- collect: drop the outcomes that the coordinator has, then show it the next ones.
-- KEYS 1 tasks  2 outcomes  3 news  4 addressed  5 versions
--      6… the job's other keys, and those that it shares with other jobs
-- ARGV 1 ttl_ms, or empty: this call renews no lifetime
--      2 version
--      3 the prefix of the job's keys
--      4 most outcomes; the last entry may exceed it, as entries are shown whole
--      5 bytes to stop after
--      6 the last entry that the coordinator has, or empty
--      7… groups of tasks whose outcomes it has: lease id (empty: any), number of tasks, their fields
-- Returns {last entry of the news, or empty if there may be more, {entry, {fields, outcomes}}, …}, in the order stored
-- Invariant: an outcome goes only once the coordinator says that it has it, so a lost reply loses nothing.
drains(KEYS[1])
if #ARGV > 6 then
    local states, fields, lease_ids = states_of_groups(KEYS[1], 7, 1)
    local done = {}
    for n, state in ipairs(states) do
        local whichever = lease_ids[n] == '' and state and is_finished(state)
        if whichever or state == FINISHED .. lease_ids[n] then done[#done + 1] = fields[n] end
    end
    if #done > 0 then redis.call('HDEL', KEYS[1], unpack(done)) end
end
if ARGV[6] ~= '' then -- All entries before it were taken too; a trim costs a tenth of deleting each.
    redis.call('XTRIM', KEYS[2], 'MINID', ARGV[6])
    redis.call('XDEL', KEYS[2], ARGV[6])
end

local answer, room, bytes, from = {''}, tonumber(ARGV[4]), tonumber(ARGV[5]), '-'
while room > 0 and bytes > 0 do
    local entry = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', 1)[1]
    if not entry then -- A caller that waits for news after this entry misses none.
        local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
        answer[1] = last and last[1] or '0-0'
        break
    end
    answer[#answer + 1], from = entry, '(' .. entry[1]
    room = room - select(2, string.gsub(entry[2][1], ' ', '')) - 1
    bytes = bytes - #entry[2][2]
end

if ARGV[1] ~= '' then
    renews(with_addressed_streams({unpack(KEYS)}, KEYS[4], ARGV[3]), ARGV[1], ARGV[2], KEYS[5])
end
return answer
