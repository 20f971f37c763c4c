-- +goose Up
-- The twin of 0002_journal.sqlite.sql, which says what the tables are for. What differs:
--   * Texts have the collation "C": they are compared byte by byte, as everywhere else in Scrip, and faster.
--   * Bytes are kept as they come (EXTERNAL): they are dense already, and trying to compress them costs the event path.
--   * Rows that are written again leave room for their next version beside them.
-- "shard" is the first column of every primary key and index here: a distributed database places rows by it.
CREATE TABLE journal (
    shard    INTEGER NOT NULL,
    position BIGINT  NOT NULL,
    entries  INTEGER NOT NULL,
    data     BYTEA   NOT NULL,
    PRIMARY KEY (shard, position)
);
ALTER TABLE journal ALTER COLUMN data SET STORAGE EXTERNAL;

-- +goose StatementBegin
CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only';
END;
$$;
-- +goose StatementEnd

-- Once for each statement: an UPDATE that meets no row is refused too, and inserts pay nothing.
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

CREATE TABLE owners (
    shard       INTEGER NOT NULL,
    environment TEXT    COLLATE "C" NOT NULL,
    customer    TEXT    COLLATE "C" NOT NULL,
    currency    TEXT    COLLATE "C" NOT NULL,
    resource    TEXT    COLLATE "C" NOT NULL,
    no          BIGINT  NOT NULL,
    as_of       BIGINT  NOT NULL,
    next_due    BIGINT  NOT NULL,
    state       BYTEA   NOT NULL,
    PRIMARY KEY (shard, environment, customer, currency, resource)
) WITH (fillfactor = 50);
ALTER TABLE owners ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE INDEX owners_due ON owners (shard, environment, next_due) WHERE next_due < 9223372036854775807;

CREATE TABLE pages (
    shard INTEGER NOT NULL,
    win   BIGINT  NOT NULL,
    owner BIGINT  NOT NULL,
    refs  BYTEA   NOT NULL,
    usage BYTEA   NOT NULL,
    PRIMARY KEY (shard, win, owner)
);
ALTER TABLE pages ALTER COLUMN refs SET STORAGE EXTERNAL, ALTER COLUMN usage SET STORAGE EXTERNAL;

CREATE TABLE grants (
    shard       INTEGER NOT NULL,
    id          BIGINT  NOT NULL,
    environment TEXT    COLLATE "C" NOT NULL,
    customer    TEXT    COLLATE "C" NOT NULL,
    currency    TEXT    COLLATE "C" NOT NULL,
    resource    TEXT    COLLATE "C" NOT NULL,
    created_at  BIGINT  NOT NULL,
    final       BOOLEAN NOT NULL,
    state       BYTEA   NOT NULL,
    texts       BYTEA   NOT NULL,
    PRIMARY KEY (shard, id)
) WITH (fillfactor = 80);
ALTER TABLE grants ALTER COLUMN state SET STORAGE EXTERNAL, ALTER COLUMN texts SET STORAGE EXTERNAL;
CREATE INDEX grants_customer ON grants (shard, environment, customer, id);

CREATE TABLE key_runs (
    shard    INTEGER NOT NULL,
    run      BIGINT  NOT NULL,
    keys     BIGINT  NOT NULL,
    complete BOOLEAN NOT NULL,
    PRIMARY KEY (shard, run)
);

CREATE TABLE key_filters (
    shard INTEGER NOT NULL,
    run   BIGINT  NOT NULL,
    chunk INTEGER NOT NULL,
    bits  BYTEA   NOT NULL,
    PRIMARY KEY (shard, run, chunk)
);
ALTER TABLE key_filters ALTER COLUMN bits SET STORAGE EXTERNAL;

CREATE TABLE key_chunks (
    shard INTEGER NOT NULL,
    run   BIGINT  NOT NULL,
    chunk INTEGER NOT NULL,
    data  BYTEA   NOT NULL,
    PRIMARY KEY (shard, run, chunk)
);
ALTER TABLE key_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE checkpoints (
    shard   INTEGER NOT NULL PRIMARY KEY,
    windows BIGINT  NOT NULL,
    owners  BIGINT  NOT NULL,
    grants  BIGINT  NOT NULL
);
