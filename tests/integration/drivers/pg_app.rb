# What an application does with Ruby's pg: named prepares, transactions, COPY, errors.
require "pg"

db = PG.connect
raise "sum" unless db.exec_params("SELECT $1::int + $2::int", [1, 2]).getvalue(0, 0) == "3"
db.exec("CREATE TABLE rb (a int, b text)")
db.prepare("insert", "INSERT INTO rb VALUES ($1, $2)")
50.times { |i| db.exec_prepared("insert", [i, "text #{i}"]) }
begin
  db.transaction do
    db.exec_prepared("insert", [99, "gone"])
    db.exec("SELECT 1/0")
  end
  raise "no error"
rescue PG::DivisionByZero
end
raise "count" unless db.exec("SELECT count(*) FROM rb").getvalue(0, 0) == "50"
db.copy_data("COPY rb FROM STDIN") { 10.times { |i| db.put_copy_data("#{i}\tcopied\n") } }
rows = 0
db.copy_data("COPY rb TO STDOUT") { rows += 1 while db.get_copy_data }
raise "copy" unless rows == 60
db.exec("DEALLOCATE insert")
db.prepare("insert", "SELECT $1::text")
raise "again" unless db.exec_prepared("insert", ["x"]).getvalue(0, 0) == "x"
db.exec("DROP TABLE rb")
db.close
puts "all fine"
