-- As ActiveRecord runs add_reference :orders, :shop, foreign_key: true
BEGIN;
ALTER TABLE "orders" ADD "shop_id" bigint;
CREATE INDEX "index_orders_on_shop_id" ON "orders" ("shop_id");
ALTER TABLE "orders" ADD CONSTRAINT "fk_rails_0a1b2c3d4e" FOREIGN KEY ("shop_id") REFERENCES "shops" ("id");
INSERT INTO "schema_migrations" ("version") VALUES ('20261122100000');
COMMIT;
