-- Places the tables of Scrip on Citus. docs/scale.md says when and how to run this, and what has not been tried.
--
-- Run it once, as the owner of the tables, on the coordinator, when the tables are there and no Scrip is running:
--
--     psql --set ON_ERROR_STOP=1 --single-transaction --file docs/citus.sql postgres://…
--
-- Two things are chosen here: shard_count, how many pieces Citus cuts the hot tables into (as many as the database has
-- shards, or more, so that most pieces hold one), and that catalogue tables are everywhere.

CREATE EXTENSION IF NOT EXISTS citus;

-- The trigger that keeps the journal append-only. Citus distributes no table that has one. The right to change rows takes
-- its place: Scrip only ever inserts here. A superuser has every right, so Scrip must not connect as one.
DROP TRIGGER journal_append_only ON journal;
DROP FUNCTION journal_is_append_only();
REVOKE UPDATE, DELETE, TRUNCATE ON journal FROM CURRENT_USER;

-- The catalogue, customers and the rest that the event path does not write: a copy on every machine. A table stands after
-- those that it refers to.
SELECT create_reference_table('environments');
SELECT create_reference_table('api_keys');
SELECT create_reference_table('credit_types');
SELECT create_reference_table('features');
SELECT create_reference_table('products');
SELECT create_reference_table('packages');
SELECT create_reference_table('package_versions');
SELECT create_reference_table('customers');
SELECT create_reference_table('subscriptions');
SELECT create_reference_table('audit');
SELECT create_reference_table('responses');
SELECT create_reference_table('grant_keys');
SELECT create_reference_table('webhook_endpoints');
SELECT create_reference_table('message_counters');
SELECT create_reference_table('messages');
SELECT create_reference_table('deliveries');
SELECT create_reference_table('delivery_attempts');
SELECT create_reference_table('revenue_months');
SELECT create_reference_table('export_destinations');
SELECT create_reference_table('orders');
SELECT create_reference_table('payment_attempts');
SELECT create_reference_table('payment_methods');
SELECT create_reference_table('invoices');
SELECT create_reference_table('thresholds');
SELECT create_reference_table('told_until');
SELECT create_reference_table('expiry_notices');
SELECT create_reference_table('auto_recharges');
SELECT create_reference_table('settings');

-- The event path: everything of a shard on one machine, so that a commit is a transaction of that machine alone.
SELECT create_distributed_table('journal', 'shard', colocate_with => 'none', shard_count => 64);
SELECT create_distributed_table('owners', 'shard', colocate_with => 'journal');
SELECT create_distributed_table('pages', 'shard', colocate_with => 'journal');
SELECT create_distributed_table('grants', 'shard', colocate_with => 'journal');
SELECT create_distributed_table('key_chunks', 'shard', colocate_with => 'journal');
SELECT create_distributed_table('key_filters', 'shard', colocate_with => 'journal');
SELECT create_distributed_table('key_runs', 'shard', colocate_with => 'journal');
SELECT create_distributed_table('revenue_books', 'shard', colocate_with => 'journal');
SELECT create_distributed_table('revenue_totals', 'shard', colocate_with => 'journal');
SELECT create_distributed_table('revenue_cursors', 'shard', colocate_with => 'journal');
SELECT create_distributed_table('checkpoints', 'shard', colocate_with => 'journal');
