-- +goose Up

-- The books of the money behind credits (package revenue). All but the closed months are derived from the journal and can be
-- made again from it. Months are counted from January of the year 0; "figures" are sums of money in hexadecimal.

-- A grant's books after its last movement in a month; month 0 while there was none. Later months stand beside earlier ones,
-- so that what was deferred at the end of any month can still be read.
CREATE TABLE revenue_books (
    shard       BIGINT NOT NULL,
    grant_id    BIGINT NOT NULL,
    currency    TEXT   NOT NULL, -- of the money
    month       BIGINT NOT NULL,
    environment TEXT   NOT NULL,
    customer    TEXT   NOT NULL,
    credit_type TEXT   NOT NULL,
    resource    TEXT   NOT NULL,
    cost        TEXT   NOT NULL,
    active      BIGINT NOT NULL CHECK (active IN (0, 1)),
    unpaid      BIGINT NOT NULL CHECK (unpaid IN (0, 1)),
    deferred    BIGINT NOT NULL CHECK (deferred IN (0, 1)), -- something is
    figures     TEXT   NOT NULL, -- since the grant was made
    PRIMARY KEY (shard, grant_id, currency, month)
);

-- What moved in a month.
CREATE TABLE revenue_totals (
    shard       BIGINT NOT NULL,
    environment TEXT   NOT NULL,
    month       BIGINT NOT NULL,
    currency    TEXT   NOT NULL,
    credit_type TEXT   NOT NULL,
    figures     TEXT   NOT NULL,
    PRIMARY KEY (shard, environment, month, currency, credit_type)
);

-- The first entry of each shard that is not in the books yet.
CREATE TABLE revenue_cursors (
    shard    BIGINT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);

-- Closed months, with their figures and the entries they are tied to. No row ever changes.
CREATE TABLE revenue_months (
    environment TEXT   NOT NULL REFERENCES environments (id),
    month       BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, month)
);
