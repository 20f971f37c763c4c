-- +goose Up

-- Where several nodes write one database, whoever commits to a shard locks its row here first; it has one from the first lock
-- on. The keeper is the node that writes the shard's derived rows, until it has not said so for a while (microseconds since
-- 1970, by the clock of the database). A database of one process has none.
ALTER TABLE checkpoints ADD COLUMN keeper TEXT NOT NULL DEFAULT '';
ALTER TABLE checkpoints ADD COLUMN keeper_until BIGINT NOT NULL DEFAULT 0;
