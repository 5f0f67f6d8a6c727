# Rails' migrations (ActiveRecord), one after the other: for each a line "NAME: ok", or "NAME: RULE" of what refused it.
# What is refused is done past pgweir (PGDIRECT), so that the next one meets what it expects.
require "active_record"

TARGET = { adapter: "postgresql", host: ENV["PGHOST"], port: ENV["PGPORT"], username: ENV["PGUSER"], password: ENV["PGPASSWORD"],
           database: ENV["PGDATABASE"] }
DIRECT = TARGET.merge(host: ENV["PGDIRECT"].split(" ")[0], port: ENV["PGDIRECT"].split(" ")[1])
ActiveRecord::Migration.verbose = false
Step = ActiveRecord::Migration[6.1]

class CreateShops < Step
  def change
    create_table(:shops) { |t| t.string :name, null: false; t.jsonb :extra, default: {}; t.timestamps }
    create_table(:orders) { |t| t.references :shop, foreign_key: true, index: true; t.decimal :total, precision: 10, scale: 2; t.string :state; t.timestamps }
    add_index :shops, :name, unique: true
  end
end
class AddColumns < Step
  def change
    add_column :orders, :note, :text
    add_column :orders, :paid, :boolean, default: false, null: false
    change_column_default :orders, :state, from: nil, to: "new"
    change_column_comment :orders, :state, "as the till says"
  end
end
class AddIndexPlain < Step
  def change
    add_index :orders, :state
  end
end
class AddIndexConcurrently < Step
  disable_ddl_transaction!
  def change
    add_index :orders, :note, algorithm: :concurrently
  end
end
class RemoveIndexPlain < Step
  def change
    remove_index :orders, :note
  end
end
class AddReference < Step
  def change
    add_reference :orders, :seller, foreign_key: { to_table: :shops }, index: false
  end
end
class AddForeignKeyChecked < Step
  def change
    add_foreign_key :orders, :shops, column: :seller_id, name: "fk_checked"
  end
end
class AddForeignKeyUnchecked < Step
  def change
    add_foreign_key :orders, :shops, column: :seller_id, validate: false, name: "fk_later"
  end
end
class ValidateForeignKey < Step
  def change
    validate_foreign_key :orders, name: "fk_later"
  end
end
class AddCheckUnchecked < Step
  def change
    add_check_constraint :orders, "total >= 0", name: "total_positive", validate: false
  end
end
class AddCheckChecked < Step
  def change
    add_check_constraint :orders, "total >= 0", name: "total_still_positive"
  end
end
class ChangeNull < Step
  def change
    change_column_null :orders, :note, false
  end
end
class ChangeType < Step
  def up
    change_column :orders, :total, :float
  end
end
class RenameColumn < Step
  def change
    rename_column :orders, :note, :remark
  end
end
class RemoveColumn < Step
  def change
    remove_column :orders, :remark
  end
end
class Backfill < Step
  disable_ddl_transaction!
  def up
    Class.new(ActiveRecord::Base) { self.table_name = "orders" }.in_batches(of: 10) { |some| some.update_all(state: "old") }
  end
end
class BackfillAll < Step
  def up
    Class.new(ActiveRecord::Base) { self.table_name = "orders" }.update_all(state: "older")
  end
end
class CreateJoinTable < Step
  def change
    create_join_table(:shops, :orders) { |t| t.index [:shop_id, :order_id] }
  end
end
class EnableExtension < Step
  def change
    enable_extension "pgcrypto"
  end
end
class DropTable < Step
  def change
    drop_table :orders_shops
  end
end

STEPS = [CreateShops, AddColumns, AddIndexPlain, AddIndexConcurrently, RemoveIndexPlain, AddReference, AddForeignKeyChecked,
         AddForeignKeyUnchecked, ValidateForeignKey, AddCheckUnchecked, AddCheckChecked, ChangeNull, ChangeType, RenameColumn,
         RemoveColumn, Backfill, BackfillAll, CreateJoinTable, EnableExtension, DropTable]

def migrate(step, version)
  migration = step.new(step.name, version)
  migrator = ActiveRecord::Migrator.new(:up, [migration], ActiveRecord::SchemaMigration, version)
  migrator.migrate
end

def run(config, step, version)
  ActiveRecord::Base.establish_connection(config)
  migrate(step, version)
  nil
rescue StandardError => error
  found = error.message[/blocked by pgweir rule "([^"]*)"/, 1]
  raise unless found
  found
end

ActiveRecord::Base.establish_connection(TARGET)
ActiveRecord::SchemaMigration.create_table
ActiveRecord::InternalMetadata.create_table
STEPS.each.with_index(1) do |step, version|
  refused = run(TARGET, step, version)
  run(DIRECT, step, version) if refused
  puts "#{step.name}: #{refused || 'ok'}"
  $stdout.flush
end
