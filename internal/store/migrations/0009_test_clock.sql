-- +goose Up

-- How the clock of an environment runs. clock_at is where its last change put it, clock_since the wall clock then: it shows
-- clock_at while it stands, and else clock_at and the time that has passed since. All are 0 for a clock that was never
-- changed, which makes it the wall clock. Times are microseconds since 1970, UTC.
ALTER TABLE environments ADD COLUMN clock_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE environments ADD COLUMN clock_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE environments ADD COLUMN clock_stands BIGINT NOT NULL DEFAULT 0 CHECK (clock_stands IN (0, 1));
ALTER TABLE environments ADD COLUMN clock_version BIGINT NOT NULL DEFAULT 0; -- counts changes
