// What an application does with postgres.js: pipelines, its own prepared statements, nested transactions, COPY,
// cursors, LISTEN; run by test_clients, the PG* variables say where.
const assert = require('node:assert');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const postgres = require('postgres');

async function failsAndGoesOn(sql) {
  await assert.rejects(sql.begin(async (outer) => {
    await outer`INSERT INTO pjs VALUES (1000, 'gone')`;
    await outer`SELECT 1/0`;
  }), { code: '22012' });
  await sql.begin(async (outer) => {
    await outer`INSERT INTO pjs VALUES (2000, 'kept')`;
    await assert.rejects(outer.savepoint(async (inner) => {
      await inner`INSERT INTO pjs VALUES (3000, 'gone')`;
      await inner`SELECT * FROM no_such_table`;
    }), { code: '42P01' });
  });
  const rows = await sql`SELECT a FROM pjs WHERE a >= 1000`;
  assert.deepStrictEqual(rows.map((row) => row.a), [2000]);
}

async function cancels(sql) {
  const slow = sql`SELECT pg_sleep(600)`.execute();
  setTimeout(() => slow.cancel(), 2000);
  await assert.rejects(slow, { code: '57014' });
}

async function main() {
  const sql = postgres({ max: 20, onnotice() {} });
  const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => sql`SELECT ${i}::int AS n`));
  answers.forEach((rows, i) => assert.strictEqual(rows[0].n, i));

  await sql`CREATE TABLE pjs (a int, b text)`;
  await sql`INSERT INTO pjs ${sql(Array.from({ length: 100 }, (_, i) => ({ a: i, b: String(i) })))}`;
  await pipeline(Readable.from(['500\tcopied\n', '501\tcopied\n']), await sql`COPY pjs FROM STDIN`.writable());
  let seen = 0;
  await sql`SELECT a FROM pjs ORDER BY a`.cursor(10, (rows) => { seen += rows.length; });
  assert.strictEqual(seen, 102);
  await failsAndGoesOn(sql);
  await cancels(sql);

  let heard;
  const hears = new Promise((resolve) => { heard = resolve; });
  await sql.listen('pjs_news', heard);
  await sql.notify('pjs_news', 'hello');
  assert.strictEqual(await hears, 'hello');

  await sql`DROP TABLE pjs`;
  await sql.end();
  console.log('all fine');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
