-- +goose Up

-- Who is told. "document" holds the secrets, encrypted under a key that is not in the database. The columns from "fence" on
-- belong to the sender: who serves the endpoint's queue, under which fencing number and until when (by the clock of the
-- installation), until when the queue rests, since when every attempt has failed and how many did (by the clock of the
-- environment, as everything below).
CREATE TABLE webhook_endpoints (
    environment   TEXT   NOT NULL REFERENCES environments (id),
    id            TEXT   NOT NULL,
    no            BIGINT NOT NULL,
    disabled_at   BIGINT NOT NULL,
    format        BIGINT NOT NULL,
    document      TEXT   NOT NULL,
    fence         BIGINT NOT NULL DEFAULT 0,
    holder        TEXT   NOT NULL DEFAULT '',
    leased_until  BIGINT NOT NULL DEFAULT 0,
    rests_until   BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT NOT NULL DEFAULT 0,
    failures      BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no)
);

-- The number given out last: of the environment's messages where "stream" is empty, else of those of one stream. Touching
-- the former is the lock under which messages are added, so that both are without gaps.
CREATE TABLE message_counters (
    environment TEXT   NOT NULL REFERENCES environments (id),
    stream      TEXT   NOT NULL,
    last        BIGINT NOT NULL,
    PRIMARY KEY (environment, stream)
);

-- What happened and must be told. A cause has one message, for ever; rows are never changed.
CREATE TABLE messages (
    environment TEXT   NOT NULL REFERENCES environments (id),
    no          BIGINT NOT NULL,
    id          TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    cause       TEXT   NOT NULL,
    occurred_at BIGINT NOT NULL,
    stream      TEXT   NOT NULL,
    stream_no   BIGINT NOT NULL, -- of the stream, from 1
    trace_id    TEXT   NOT NULL,
    api_version TEXT   NOT NULL,
    test        BIGINT NOT NULL CHECK (test IN (0, 1)),
    payload     TEXT   NOT NULL,
    PRIMARY KEY (environment, no),
    UNIQUE (environment, id),
    UNIQUE (environment, cause),
    UNIQUE (environment, stream, stream_no)
);

CREATE INDEX messages_by_time ON messages (environment, occurred_at);

-- What an endpoint is to be told: PENDING until a 2xx makes it DELIVERED or the attempts are used up, which makes it PARKED.
-- "tries" counts the attempts since it was made or replayed, at "owed_since"; "attempts" counts all.
CREATE TABLE deliveries (
    environment TEXT   NOT NULL,
    endpoint_id TEXT   NOT NULL,
    message_no  BIGINT NOT NULL,
    type        TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('PENDING', 'DELIVERED', 'PARKED')),
    tries       BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    owed_since  BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL,
    PRIMARY KEY (environment, endpoint_id, message_no),
    FOREIGN KEY (environment, endpoint_id) REFERENCES webhook_endpoints (environment, id),
    FOREIGN KEY (environment, message_no) REFERENCES messages (environment, no)
);

CREATE INDEX deliveries_waiting ON deliveries (environment, endpoint_id, next_at, message_no) WHERE state = 'PENDING';
CREATE INDEX deliveries_parked ON deliveries (environment, endpoint_id, message_no) WHERE state = 'PARKED';

-- One try. "status" is 0 when there was no answer; "failure" then says why. "took" is in microseconds.
CREATE TABLE delivery_attempts (
    environment TEXT   NOT NULL,
    endpoint_id TEXT   NOT NULL,
    message_no  BIGINT NOT NULL,
    attempt     BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    took        BIGINT NOT NULL,
    status      BIGINT NOT NULL,
    failure     TEXT   NOT NULL,
    excerpt     TEXT   NOT NULL,
    PRIMARY KEY (environment, endpoint_id, message_no, attempt),
    FOREIGN KEY (environment, endpoint_id, message_no) REFERENCES deliveries (environment, endpoint_id, message_no)
);
