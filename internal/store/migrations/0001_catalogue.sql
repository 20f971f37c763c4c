-- +goose Up

-- Times are microseconds since 1970, UTC; 0 stands for "never" or "not". "no" is a row number that grows in creation order
-- inside an environment, for lists and their cursors. "document" is the whole object as JSON of the form "format"; the
-- columns beside it are there to be searched.

CREATE TABLE environments (
    id         TEXT    NOT NULL PRIMARY KEY,
    no         BIGINT  NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    production BIGINT  NOT NULL CHECK (production IN (0, 1)),
    created_at BIGINT  NOT NULL,
    revision   BIGINT  NOT NULL DEFAULT 0, -- counts changes of the catalogue; touching it is the catalogue's lock
    last_no    BIGINT  NOT NULL DEFAULT 0  -- the row number given out last
);

CREATE TABLE api_keys (
    environment TEXT   NOT NULL REFERENCES environments (id),
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    scopes      TEXT   NOT NULL, -- JSON array; empty means full access
    hash        TEXT   NOT NULL UNIQUE, -- SHA-256 of the key's text, in hexadecimal
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    revoked_at  BIGINT NOT NULL,
    PRIMARY KEY (environment, id)
);

CREATE TABLE credit_types (
    environment TEXT   NOT NULL REFERENCES environments (id),
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no)
);

CREATE TABLE features (
    environment TEXT   NOT NULL REFERENCES environments (id),
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no)
);

CREATE TABLE products (
    environment TEXT   NOT NULL REFERENCES environments (id),
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no)
);

-- Plans and add-ons.
CREATE TABLE packages (
    environment TEXT   NOT NULL,
    kind        TEXT   NOT NULL CHECK (kind IN ('PLAN', 'ADDON')),
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    product_id  TEXT   NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, kind, id),
    UNIQUE (environment, no),
    FOREIGN KEY (environment, product_id) REFERENCES products (environment, id)
);

CREATE TABLE package_versions (
    environment TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    package_id  TEXT   NOT NULL,
    version     BIGINT NOT NULL CHECK (version > 0),
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, kind, package_id, version),
    FOREIGN KEY (environment, kind, package_id) REFERENCES packages (environment, kind, id)
);

CREATE TABLE customers (
    environment TEXT   NOT NULL REFERENCES environments (id),
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    version     BIGINT NOT NULL DEFAULT 0, -- touching it is the customer's lock
    name        TEXT   NOT NULL,
    email       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    archived_at BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no)
);

CREATE INDEX customers_by_email ON customers (environment, email, no) WHERE email <> '';
CREATE INDEX customers_by_name ON customers (environment, name, no) WHERE name <> '';

CREATE TABLE subscriptions (
    environment  TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    no           BIGINT NOT NULL,
    customer_id  TEXT   NOT NULL,
    resource_id  TEXT   NOT NULL,
    plan_id      TEXT   NOT NULL,
    pricing_type TEXT   NOT NULL,
    start_at     BIGINT NOT NULL,
    end_at       BIGINT NOT NULL,
    canceled_at  BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    format       BIGINT NOT NULL,
    document     TEXT   NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no),
    FOREIGN KEY (environment, customer_id) REFERENCES customers (environment, id)
);

CREATE INDEX subscriptions_by_customer ON subscriptions (environment, customer_id, no);
CREATE INDEX subscriptions_by_plan ON subscriptions (environment, plan_id, no);

-- Who changed what. Rows are only ever added.
CREATE TABLE audit (
    environment TEXT   NOT NULL REFERENCES environments (id),
    no          BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    actor_kind  BIGINT NOT NULL,
    actor_id    TEXT   NOT NULL,
    request_id  TEXT   NOT NULL,
    action      TEXT   NOT NULL,
    object      TEXT   NOT NULL,
    PRIMARY KEY (environment, no)
);
