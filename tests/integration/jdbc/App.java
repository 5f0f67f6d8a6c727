// What an application does with JDBC; run by test_clients, the PG* variables say where.
import java.io.StringReader;
import java.sql.*;
import org.postgresql.PGConnection;

public class App {
    static void check(boolean good, String what) {
        if (!good)
            throw new IllegalStateException(what);
    }

    public static void main(String[] arguments) throws Exception {
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT")
            + "/" + System.getenv("PGDATABASE");
        try (Connection connection = DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"))) {
            // More than prepareThreshold runs, so that a named statement is made.
            try (PreparedStatement statement = connection.prepareStatement("SELECT ?::int * 2")) {
                for (int i = 0; i < 20; i++) {
                    statement.setInt(1, i);
                    try (ResultSet rows = statement.executeQuery()) {
                        check(rows.next() && rows.getInt(1) == 2 * i, "prepared answer " + i);
                    }
                }
            }
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.execute("CREATE TABLE jdbc_rows (a int, b text)");
                try (PreparedStatement insert = connection.prepareStatement("INSERT INTO jdbc_rows VALUES (?, ?)")) {
                    for (int i = 0; i < 300; i++) {
                        insert.setInt(1, i);
                        insert.setString(2, "row " + i);
                        insert.addBatch();
                    }
                    check(insert.executeBatch().length == 300, "batch");
                }
                long copied = connection.unwrap(PGConnection.class).getCopyAPI()
                    .copyIn("COPY jdbc_rows FROM STDIN", new StringReader("1\tone\n2\ttwo\n"));
                check(copied == 2, "copy");
                statement.setFetchSize(50);
                int seen = 0;
                try (ResultSet rows = statement.executeQuery("SELECT a FROM jdbc_rows")) {
                    while (rows.next())
                        seen++;
                }
                check(seen == 302, "fetched by portions: " + seen);
                Savepoint savepoint = connection.setSavepoint();
                try {
                    statement.executeQuery("SELECT 1/0");
                    check(false, "division by zero");
                } catch (SQLException error) {
                    check(error.getSQLState().equals("22012"), error.toString());
                }
                connection.rollback(savepoint);
            }
            connection.rollback();
        }
        System.out.println("all fine");
    }
}
