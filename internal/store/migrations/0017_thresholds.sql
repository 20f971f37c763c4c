-- +goose Up

-- What pools are watched for: an environment's own list where "customer" is empty, else that of one pool instead of it.
CREATE TABLE thresholds (
    environment TEXT   NOT NULL REFERENCES environments (id),
    customer    TEXT   NOT NULL,
    currency    TEXT   NOT NULL,
    resource    TEXT   NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, customer, currency, resource)
);

-- Up to where the journal of a shard has been told: the position of the first entry that has not. It moves in the
-- transaction of the messages, so that each is written once. A shard without a row is told from its first entry on; what
-- is in the journal when this table is made has happened before anybody asked to be told.
CREATE TABLE told_until (
    shard    BIGINT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);

INSERT INTO told_until (shard, position) SELECT shard, MAX(position + entries) FROM journal GROUP BY shard;

-- When to look whether something is left of a grant that expires soon. A row goes when it has been looked at.
CREATE TABLE expiry_notices (
    environment TEXT   NOT NULL REFERENCES environments (id),
    grant_id    BIGINT NOT NULL,
    days        BIGINT NOT NULL, -- before the expiry
    at          BIGINT NOT NULL,
    customer    TEXT   NOT NULL,
    PRIMARY KEY (environment, grant_id, days)
);

CREATE INDEX expiry_notices_due ON expiry_notices (environment, at);
