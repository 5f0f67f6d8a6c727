// What a service does with pgx: its statement cache, batches, CopyFrom, nested transactions, a pool, cancel by context.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func check(good bool, what string) {
	if !good {
		log.Fatal(what)
	}
}

// What a connection, a transaction and a pool can be asked.
type asked interface {
	QueryRow(context.Context, string, ...interface{}) pgx.Row
}

func number(ctx context.Context, on asked, query string, args ...interface{}) (got int) {
	must(on.QueryRow(ctx, query, args...).Scan(&got))
	return got
}

func batches(ctx context.Context, connection *pgx.Conn) {
	batch := &pgx.Batch{}
	for i := 0; i < 50; i++ {
		batch.Queue("SELECT $1::int + 1", i)
	}
	results := connection.SendBatch(ctx, batch)
	for i := 0; i < 50; i++ {
		var got int
		must(results.QueryRow().Scan(&got))
		check(got == i+1, "another's answer in a batch")
	}
	must(results.Close())
}

func copies(ctx context.Context, connection *pgx.Conn) {
	rows := [][]interface{}{}
	for i := 0; i < 100; i++ {
		rows = append(rows, []interface{}{i, fmt.Sprint(i)})
	}
	copied, err := connection.CopyFrom(ctx, pgx.Identifier{"gopgx"}, []string{"a", "b"}, pgx.CopyFromRows(rows))
	must(err)
	check(copied == 100, "rows are missing after COPY")
}

func nested(ctx context.Context, connection *pgx.Conn) {
	outer, err := connection.Begin(ctx)
	must(err)
	inner, err := outer.Begin(ctx)
	must(err)
	_, err = inner.Exec(ctx, "SELECT 1/0")
	var told *pgconn.PgError
	check(errors.As(err, &told) && told.Code == "22012", "no division by zero")
	must(inner.Rollback(ctx))
	check(number(ctx, outer, "SELECT count(*)::int FROM gopgx") == 100, "not as before the savepoint")
	must(outer.Commit(ctx))
}

func cancels(ctx context.Context, pool *pgxpool.Pool) {
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := pool.Exec(limited, "SELECT pg_sleep(600)")
	check(err != nil, "a cancelled statement ended well")
	check(number(ctx, pool, "SELECT 1") == 1, "no query after a cancel")
}

func main() {
	ctx := context.Background()
	connection, err := pgx.Connect(ctx, "")
	must(err)
	_, err = connection.Exec(ctx, "CREATE TABLE gopgx (a int, b text)")
	must(err)
	copies(ctx, connection)
	batches(ctx, connection)
	nested(ctx, connection)
	for i := 0; i < 20; i++ {
		check(number(ctx, connection, "SELECT a FROM gopgx WHERE a = $1", i) == i, "another's row")
	}
	pool, err := pgxpool.Connect(ctx, "pool_max_conns=20")
	must(err)
	var all sync.WaitGroup
	for i := 0; i < 200; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			check(number(ctx, pool, "SELECT $1::int * 2", i) == 2*i, "another's row")
		}(i)
	}
	all.Wait()
	cancels(ctx, pool)
	pool.Close()
	_, err = connection.Exec(ctx, "DROP TABLE gopgx")
	must(err)
	must(connection.Close(ctx))
	fmt.Println("all fine")
}
