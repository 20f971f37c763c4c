-- +goose Up

-- Several nodes write one database. Whoever commits to a shard locks its row here first; it has one from the first lock on.
-- The keeper is the node that writes the shard's derived rows, until it has not said so for a while (microseconds since 1970,
-- by the clock of the database).
ALTER TABLE checkpoints
    ADD COLUMN keeper TEXT NOT NULL DEFAULT '',
    ADD COLUMN keeper_until BIGINT NOT NULL DEFAULT 0;
