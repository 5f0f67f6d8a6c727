# What a service with Rails (ActiveRecord) does all day. Its tables are those of rails_migrations.rb.
require "active_record"

ActiveRecord::Base.establish_connection(adapter: "postgresql", host: ENV["PGHOST"], port: ENV["PGPORT"], username: ENV["PGUSER"],
                                        password: ENV["PGPASSWORD"], database: ENV["PGDATABASE"],
                                        prepared_statements: ENV["PREPARED"] != "no")
class Shop < ActiveRecord::Base
  has_many :orders
end
class Order < ActiveRecord::Base
  belongs_to :shop
end

shop = Shop.create!(name: "one; DROP TABLE shops")
orders = Array.new(20) { |i| Order.create!(shop: shop, total: i, state: "new") }
raise unless Order.where(shop: shop).count == 20
raise unless Shop.includes(:orders).first.orders.size == 20
raise unless Order.joins(:shop).where(shops: { name: shop.name }).order(:id).limit(5).pluck(:id).size == 5
Order.where(state: "new").find_each(batch_size: 7) { |order| order.update!(state: "paid") }
orders[0].with_lock { orders[0].update!(total: 99) }
Order.transaction do
  Order.create!(shop: shop, total: 1)
  Order.transaction(requires_new: true) { Order.create!(shop: shop, total: 2); raise ActiveRecord::Rollback }
end
raise unless Order.count == 21
Shop.upsert_all([{ id: shop.id, name: "two", created_at: Time.now, updated_at: Time.now }])
Order.insert_all([{ shop_id: shop.id, total: 3, created_at: Time.now, updated_at: Time.now }])
Order.where(total: 3).update_all("total = total + 1")
raise unless Order.group(:state).sum(:total).size >= 1
raise unless Order.exists?(state: "paid") && Order.where("total > ?", 5).average(:total)
Order.where(shop: shop).destroy_all
shop.destroy!
puts "all fine"
