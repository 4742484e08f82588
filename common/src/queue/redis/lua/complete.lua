-- complete: store what tasks of one job came to, each once, and forget the tasks.
-- KEYS 1 tasks  2 outcomes  3 rows  4 news  5… streams of the classes
-- ARGV 1 keep_ms, then for each: which KEY is its stream, its field in `tasks`, entry, holds, consumer,
--      outcome encoded, number of blocks, the blocks
-- Returns for each 1 stored (now, or before by this very lease) | 0 stale: nothing was written
-- Keeps: an entry's outcome is written at most once; no outcome without its rows; goes through when the server is full.
local answers, stored, i = {}, false, 2
drains(KEYS[1])
while i <= #ARGV do
    local stream, field, entry, holds, consumer = KEYS[tonumber(ARGV[i])], unpack(ARGV, i + 1, i + 4)
    local outcome, blocks = ARGV[i + 5], tonumber(ARGV[i + 6])
    local mark = 'f' .. entry .. ':' .. holds .. ':' .. consumer
    local state = redis.call('HGET', KEYS[1], field)
    local answer = 0
    if state == mark then
        answer = 1 -- The same call came before, and its reply was lost.
    elseif state == entry and held(stream, entry, holds, consumer) then
        redis.call('XACK', stream, GROUP, entry)
        redis.call('XDEL', stream, entry)
        for block = 1, blocks do
            redis.call('HSET', KEYS[3], field .. ':' .. (block - 1), ARGV[i + 6 + block])
        end
        redis.call('XADD', KEYS[2], '*', 'o', outcome, 't', field, 'k', mark)
        redis.call('HSET', KEYS[1], field, mark)
        if holds ~= '1' then
            redis.call('HDEL', KEYS[1], field .. ':r')
        end
        answer, stored = 1, true
    end
    answers[#answers + 1] = answer
    i = i + 7 + blocks
end
if stored then
    redis.call('XADD', KEYS[4], 'MAXLEN', 1, '*', 'w', 1)
    for k = 2, 4 do redis.call('PEXPIRE', KEYS[k], ARGV[1]) end
end
return answers
