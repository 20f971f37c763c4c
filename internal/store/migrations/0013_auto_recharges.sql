-- +goose Up

-- The automatic top-up of a pool. Its attempts are rows of payment_attempts with automatic = 1. version is raised by every
-- change, which repeats the one it was decided by. next_at is when the scheduler looks at it, by the environment's clock: 0
-- means always.
CREATE TABLE auto_recharges (
    environment TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    customer_id TEXT   NOT NULL,
    credit_type TEXT   NOT NULL,
    resource_id TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    next_at     BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no),
    UNIQUE (environment, customer_id, credit_type, resource_id),
    FOREIGN KEY (environment, customer_id) REFERENCES customers (environment, id)
);

CREATE INDEX auto_recharges_due ON auto_recharges (environment, next_at, id) WHERE next_at <> 9223372036854775807;
