-- +goose Up

-- What was bought and must be paid. It is written before anything else happens, with its first attempt; its grant follows.
-- grant_id is 0 until then. request_key names the request that made it, or is empty. unpaid_at is when it is given up, by the
-- environment's clock, or 0.
CREATE TABLE orders (
    environment TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    version     BIGINT NOT NULL DEFAULT 0, -- touching it is the order's lock
    customer_id TEXT   NOT NULL,
    grant_id    BIGINT NOT NULL,
    request_key TEXT   NOT NULL,
    unpaid_at   BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no),
    FOREIGN KEY (environment, customer_id) REFERENCES customers (environment, id)
);

CREATE UNIQUE INDEX orders_by_request ON orders (environment, request_key) WHERE request_key <> '';
CREATE INDEX orders_by_grant ON orders (environment, grant_id) WHERE grant_id <> 0;
CREATE INDEX orders_unpaid ON orders (environment, unpaid_at) WHERE unpaid_at <> 0;

-- One try to collect the money of an order. Its id is the provider's idempotency key. Whoever works on it raises the fence
-- and holds the lease; every write of that work repeats the fence. next_at is when there is work to do, and lease_until when
-- others may do it, both by the installation's clock.
CREATE TABLE payment_attempts (
    environment TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    order_id TEXT   NOT NULL,
    customer_id TEXT   NOT NULL,
    credit_type TEXT   NOT NULL,
    resource_id TEXT   NOT NULL,
    grant_id    BIGINT NOT NULL,
    state       TEXT   NOT NULL,
    unsettled   BIGINT NOT NULL CHECK (unsettled IN (0, 1)), -- money may still move
    automatic   BIGINT NOT NULL CHECK (automatic IN (0, 1)), -- made by an automatic top-up
    fence       BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no),
    FOREIGN KEY (environment, order_id) REFERENCES orders (environment, id)
);

-- I14: at most one attempt in flight per order, and so per grant, and at most one automatic top-up per pool.
CREATE UNIQUE INDEX payment_attempts_in_flight ON payment_attempts (environment, order_id) WHERE unsettled = 1;
CREATE UNIQUE INDEX payment_attempts_automatic ON payment_attempts (environment, customer_id, credit_type, resource_id)
    WHERE unsettled = 1 AND automatic = 1;
CREATE INDEX payment_attempts_due ON payment_attempts (environment, next_at) WHERE next_at <> 9223372036854775807;
CREATE INDEX payment_attempts_by_customer ON payment_attempts (environment, customer_id, no);
CREATE INDEX payment_attempts_by_order ON payment_attempts (environment, order_id, no);

CREATE TABLE payment_methods (
    environment TEXT   NOT NULL,
    customer_id TEXT   NOT NULL,
    id          TEXT   NOT NULL, -- as the provider names it
    no          BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, customer_id, id),
    UNIQUE (environment, no),
    FOREIGN KEY (environment, customer_id) REFERENCES customers (environment, id)
);

-- total_minor is the total in the currency's minor unit, to order by.
CREATE TABLE invoices (
    environment TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    number      BIGINT NOT NULL, -- 1, 2, 3 … without gaps in an environment
    customer_id TEXT   NOT NULL,
    order_id TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    issued_at   BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no),
    UNIQUE (environment, number),
    FOREIGN KEY (environment, order_id) REFERENCES orders (environment, id)
);

CREATE INDEX invoices_by_customer ON invoices (environment, customer_id, no);
CREATE UNIQUE INDEX invoices_by_order ON invoices (environment, order_id);
