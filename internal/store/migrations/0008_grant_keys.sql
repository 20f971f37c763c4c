-- +goose Up

-- Whose grant a caller's idempotency key belongs to, where customers are spread over several shards: the key is unique in its
-- environment, and a shard knows only the keys of its own customers.
CREATE TABLE grant_keys (
    environment TEXT NOT NULL REFERENCES environments (id),
    key         TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    PRIMARY KEY (environment, key)
);
