-- As Django prints AddField with a default, and AddIndex.
BEGIN;
ALTER TABLE "shop_order" ADD COLUMN "note" text DEFAULT '' NOT NULL;
ALTER TABLE "shop_order" ALTER COLUMN "note" DROP DEFAULT;
CREATE INDEX "shop_order_state_idx" ON "shop_order" ("state");
COMMIT;
