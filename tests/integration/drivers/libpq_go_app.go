// What a service does with database/sql and lib/pq: pools, prepared statements, COPY, cancel by context, LISTEN.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/lib/pq"
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

func count(db *sql.DB, query string, args ...interface{}) (number int) {
	must(db.QueryRow(query, args...).Scan(&number))
	return number
}

func copiesIn(db *sql.DB) {
	tx, err := db.Begin()
	must(err)
	statement, err := tx.Prepare(pq.CopyIn("gopq", "a", "b"))
	must(err)
	for i := 0; i < 100; i++ {
		_, err = statement.Exec(i, fmt.Sprint(i))
		must(err)
	}
	_, err = statement.Exec()
	must(err)
	must(statement.Close())
	must(tx.Commit())
	check(count(db, "SELECT count(*) FROM gopq") == 100, "rows are missing after COPY")
}

func prepared(db *sql.DB) {
	statement, err := db.Prepare("SELECT $1::int * 2")
	must(err)
	var all sync.WaitGroup
	for i := 0; i < 200; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			var got int
			must(statement.QueryRow(i).Scan(&got))
			check(got == 2*i, "another's row")
		}(i)
	}
	all.Wait()
	must(statement.Close())
}

func failsAndGoesOn(db *sql.DB) {
	tx, err := db.Begin()
	must(err)
	_, err = tx.Exec("INSERT INTO gopq VALUES (1, 'gone')")
	must(err)
	_, err = tx.Exec("SELECT 1/0")
	told, isPq := err.(*pq.Error)
	check(isPq && told.Code == "22012", "no division by zero")
	must(tx.Rollback())
	check(count(db, "SELECT count(*) FROM gopq WHERE b = 'gone'") == 0, "not rolled back")
}

func cancels(db *sql.DB) {
	limited, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err := db.ExecContext(limited, "SELECT pg_sleep(600)")
	check(err != nil, "a cancelled statement ended well")
	check(count(db, "SELECT 1") == 1, "no query after a cancel")
}

func listens() {
	listener := pq.NewListener("", time.Second, time.Minute, nil)
	must(listener.Listen("go_news"))
	db, err := sql.Open("postgres", "")
	must(err)
	_, err = db.Exec("SELECT pg_notify('go_news', 'hello')")
	must(err)
	heard := <-listener.Notify
	check(heard != nil && heard.Extra == "hello", "not heard")
	must(listener.Close())
	must(db.Close())
}

func main() {
	db, err := sql.Open("postgres", "binary_parameters=no")
	must(err)
	db.SetMaxOpenConns(20)
	_, err = db.Exec("CREATE TABLE gopq (a int, b text)")
	must(err)
	copiesIn(db)
	prepared(db)
	failsAndGoesOn(db)
	cancels(db)
	listens()
	rows, err := db.Query("SELECT a FROM gopq ORDER BY a LIMIT $1", 10)
	must(err)
	for i := 0; rows.Next(); i++ {
		var a int
		must(rows.Scan(&a))
		check(a == i, "a row out of place")
	}
	must(rows.Err())
	_, err = db.Exec("DROP TABLE gopq")
	must(err)
	must(db.Close())
	fmt.Println("all fine")
}
