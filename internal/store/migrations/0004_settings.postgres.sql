-- +goose Up
-- What an installation decides once: secrets that must outlive a restart, and the shape of the database.
CREATE TABLE settings (
    name  TEXT  NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
