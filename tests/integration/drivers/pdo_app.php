<?php
// What an application does with PHP's PDO: server-side prepares (on by default), transactions, errors.
$db = new PDO("pgsql:host=" . getenv("PGHOST") . ";port=" . getenv("PGPORT") . ";dbname=" . getenv("PGDATABASE"),
	getenv("PGUSER"), getenv("PGPASSWORD"), [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);

function check($good, $what)
{
	if (!$good) {
		fwrite(STDERR, "wrong: $what\n");
		exit(1);
	}
}

$sum = $db->prepare("SELECT ?::int + ?::int");
$sum->execute([1, 2]);
check($sum->fetchColumn() == 3, "sum");
$db->exec("CREATE TABLE pdo (a int, b text)");
$insert = $db->prepare("INSERT INTO pdo VALUES (:a, :b)");
for ($i = 0; $i < 50; $i++)
	$insert->execute(["a" => $i, "b" => "text $i"]);
$db->beginTransaction();
$insert->execute(["a" => 99, "b" => "gone"]);
$db->rollBack();
check($db->query("SELECT count(*) FROM pdo")->fetchColumn() == 50, "count");
try {
	$db->query("SELECT 1/0");
	check(false, "no error");
} catch (PDOException $error) {
	check($error->getCode() == "22012", "state");
}
$db->pgsqlCopyFromArray("pdo", ["1\tone", "2\ttwo"]);
check(count($db->pgsqlCopyToArray("pdo")) == 52, "copy");
$db->exec("DROP TABLE pdo");
echo "all fine\n";
