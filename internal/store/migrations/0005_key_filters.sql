-- +goose Up

-- Sorted runs of keys are merged, so a run is of one window or of several, named by level and first window. Its filter is
-- cut into rows, which can be written a few at a time. Runs in the old form cannot be read any more: everything derived
-- goes, and the next start makes it again from the journal.

DELETE FROM checkpoints;
DELETE FROM owners;
DELETE FROM pages;
DELETE FROM grants;
DELETE FROM key_chunks;
DROP TABLE key_runs;

CREATE TABLE key_runs (
    shard    INTEGER NOT NULL,
    run      BIGINT  NOT NULL, -- level in the upper 32 bits, first window in the lower
    keys     BIGINT  NOT NULL,
    complete BOOLEAN NOT NULL, -- false while a merge is writing it
    PRIMARY KEY (shard, run)
);

-- The filters of runs, in pieces for some chunks, from one on.
CREATE TABLE key_filters (
    shard INTEGER NOT NULL,
    run   BIGINT  NOT NULL,
    chunk INTEGER NOT NULL,
    bits  BLOB    NOT NULL,
    PRIMARY KEY (shard, run, chunk)
);
