-- +goose Up

-- Other nodes read the trail to learn what has changed: customer says whose state it was, and is empty for what is no
-- customer's. Numbers of an environment become visible in their order, because its row is locked while one is given out.
ALTER TABLE audit ADD COLUMN customer TEXT NOT NULL DEFAULT '';
