-- forget: drop blobs of a job.
-- KEYS 1 blobs  (their own keys are built from ARGV 1; one hash tag)
-- ARGV 1 what the job's keys begin with  2… what their names have after that
-- Returns 1
-- Keeps: what stands in `blobs` has a key, unless that expired.
drop_blobs(KEYS[1], ARGV[1], {unpack(ARGV, 2)})
return 1
