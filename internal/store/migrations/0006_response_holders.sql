-- +goose Up

-- Which attempt acts while a response has no status, and until when the others wait for it.
ALTER TABLE responses ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE responses ADD COLUMN held_until BIGINT NOT NULL DEFAULT 0;
