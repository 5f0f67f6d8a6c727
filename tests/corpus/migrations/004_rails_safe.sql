-- disable_ddl_transaction! with strong_migrations' advice followed
SET lock_timeout = '1s';
SET statement_timeout = '1h';
CREATE INDEX CONCURRENTLY IF NOT EXISTS "index_orders_on_shop_id" ON "orders" ("shop_id");
ALTER TABLE "orders" ADD CONSTRAINT "fk_rails_0a1b2c3d4e" FOREIGN KEY ("shop_id") REFERENCES "shops" ("id") NOT VALID;
ALTER TABLE "orders" VALIDATE CONSTRAINT "fk_rails_0a1b2c3d4e";
