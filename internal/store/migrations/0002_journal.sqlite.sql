-- +goose Up
-- The journal is the truth: blocks of entries in commit order. Inserting at the next position is the compare-and-set
-- between writers. It accepts inserts only.
CREATE TABLE journal (
    shard    INTEGER NOT NULL,
    position BIGINT  NOT NULL, -- of the block's first entry
    entries  INTEGER NOT NULL,
    data     BLOB    NOT NULL,
    PRIMARY KEY (shard, position)
);

-- +goose StatementBegin
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;
-- +goose StatementEnd

-- Everything below is derived from the journal and can be deleted and made again.

-- The state of pools, customers and attention lists, each true right after the entry as_of.
CREATE TABLE owners (
    shard       INTEGER NOT NULL,
    environment TEXT    NOT NULL,
    customer    TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    resource    TEXT    NOT NULL,
    no          BIGINT  NOT NULL,
    as_of       BIGINT  NOT NULL,
    next_due    BIGINT  NOT NULL, -- microseconds; the largest integer when nothing is due
    state       BLOB    NOT NULL,
    PRIMARY KEY (shard, environment, customer, currency, resource)
);
CREATE INDEX owners_due ON owners (shard, environment, next_due) WHERE next_due < 9223372036854775807;

-- Postings: where an owner's entries of one window are, and what its consumption adds up to. In the order of windows: they
-- are written one after another, and an owner is looked for in one window after another.
CREATE TABLE pages (
    shard      INTEGER NOT NULL,
    owner      BIGINT  NOT NULL,
    win        BIGINT  NOT NULL,
    refs       BLOB    NOT NULL,
    usage      BLOB    NOT NULL,
    PRIMARY KEY (shard, win, owner)
);

-- Grants as lists show them. The state of a grant that is not final is kept by its pool.
CREATE TABLE grants (
    shard       INTEGER NOT NULL,
    id          BIGINT  NOT NULL,
    environment TEXT    NOT NULL,
    customer    TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    resource    TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    final       BOOLEAN NOT NULL,
    state       BLOB    NOT NULL,
    texts       BLOB    NOT NULL,
    PRIMARY KEY (shard, id)
);
CREATE INDEX grants_customer ON grants (shard, environment, customer, id);

-- The key index: sorted runs of the keys of one window or of several, in chunks, behind filters.
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
CREATE TABLE key_chunks (
    shard INTEGER NOT NULL,
    run   BIGINT  NOT NULL,
    chunk INTEGER NOT NULL,
    data  BLOB    NOT NULL,
    PRIMARY KEY (shard, run, chunk)
);

CREATE TABLE checkpoints (
    shard   INTEGER NOT NULL PRIMARY KEY,
    windows BIGINT  NOT NULL,
    owners  BIGINT  NOT NULL,
    grants  BIGINT  NOT NULL
);
