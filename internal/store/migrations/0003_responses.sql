-- +goose Up

-- What was answered to requests that may be repeated, until they expire. A row is written before the effect with status 0
-- and completed after it. Times are microseconds since 1970, UTC.

CREATE TABLE responses (
    environment TEXT   NOT NULL REFERENCES environments (id),
    operation   TEXT   NOT NULL,
    request_key TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    effect_key  TEXT   NOT NULL,
    status      BIGINT NOT NULL,
    body        TEXT   NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (environment, operation, request_key)
);

CREATE INDEX responses_by_expiry ON responses (expires_at);
