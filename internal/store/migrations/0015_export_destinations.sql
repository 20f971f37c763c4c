-- +goose Up

-- Where an environment is exported to, again and again. The columns beside the document are what claiming needs: when it is
-- due, who is at it (fence counts the claims), and until when nobody else tries. Times are microseconds since 1970, UTC.
CREATE TABLE export_destinations (
    environment TEXT   NOT NULL REFERENCES environments (id),
    id          TEXT   NOT NULL,
    no          BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    fence       BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    format      BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (environment, id),
    UNIQUE (environment, no)
);
