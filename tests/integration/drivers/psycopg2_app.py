"""What an application does with psycopg 2; run by test_clients, the PG* variables say where."""
import io

import psycopg2
import psycopg2.extras


def main():
    connection = psycopg2.connect("")
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT %s + %s", (1, 2))
        assert cursor.fetchone() == (3,)
        cursor.execute("CREATE TABLE pg2 (a int, b text)")
        psycopg2.extras.execute_values(cursor, "INSERT INTO pg2 VALUES %s",
                                       [(i, str(i)) for i in range(250)])
        cursor.copy_expert("COPY pg2 FROM STDIN", io.StringIO("1\tone\n2\ttwo\n"))
        out = io.StringIO()
        cursor.copy_expert("COPY pg2 TO STDOUT", out)
        assert len(out.getvalue().splitlines()) == 252
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    except psycopg2.errors.DivisionByZero:
        pass
    with connection, connection.cursor("server_side") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT a FROM pg2")
        assert len(list(cursor)) == 252
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE pg2")
    connection.close()
    print("all fine")


main()
