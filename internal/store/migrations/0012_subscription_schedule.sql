-- +goose Up

-- When something is to happen to a subscription next: the earliest boundary that is not posted, or an instant before it. What is
-- stored before this column was there is looked at once. 9223372036854775807 means never.
ALTER TABLE subscriptions ADD COLUMN next_due BIGINT NOT NULL DEFAULT 0;
ALTER TABLE subscriptions ADD COLUMN trial_end_at BIGINT NOT NULL DEFAULT 0;

CREATE INDEX subscriptions_by_due ON subscriptions (environment, next_due, no) WHERE next_due < 9223372036854775807;
