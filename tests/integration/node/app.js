// What an application does with node-postgres; run by test_clients, the PG* variables say where.
const assert = require('node:assert');
const { Pool, Client } = require('pg');
const Cursor = require('pg-cursor');

async function listens(pool) {
  const listener = new Client();
  await listener.connect();
  const heard = [];
  const twice = new Promise((resolve) => {
    listener.on('notification', (event) => {
      heard.push([event.channel, event.payload, event.processId === listener.processID]);
      if (heard.length === 2) resolve();
    });
  });
  await listener.query('LISTEN node_news');
  await pool.query("SELECT pg_notify('node_news', $1)", ['from another']);
  await listener.query("NOTIFY node_news, 'own'");
  await twice;
  assert.deepStrictEqual(heard, [['node_news', 'from another', false], ['node_news', 'own', true]]);
  await listener.end();
}

async function main() {
  const pool = new Pool({ max: 20 });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => pool.query('SELECT $1::int AS n', [i])));
  answers.forEach((answer, i) => assert.strictEqual(answer.rows[0].n, i));

  // Named statements, on whichever server each call lands.
  await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    const answer = await pool.query({ name: 'double', text: 'SELECT $1::int * 2 AS n', values: [i] });
    assert.strictEqual(answer.rows[0].n, 2 * i);
  }));

  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('CREATE TABLE node_rows (a int, b text)');
    await client.query('INSERT INTO node_rows SELECT i, i::text FROM generate_series(1, 500) i');
    const cursor = client.query(new Cursor('SELECT a FROM node_rows ORDER BY a'));
    let seen = 0;
    for (let rows = await cursor.read(100); rows.length > 0; rows = await cursor.read(100)) {
      seen += rows.length;
    }
    await cursor.close();
    assert.strictEqual(seen, 500);
    await client.query('ROLLBACK');
  } finally {
    client.release();
  }

  await assert.rejects(pool.query('SELECT 1/0'), { code: '22012' });
  await assert.rejects(pool.query('SELECT * FROM no_such_table_at_all WHERE a = $1', [1]), { code: '42P01' });
  const several = await pool.query('SELECT 1 AS a; SELECT 2 AS b');
  assert.strictEqual(several[1].rows[0].b, 2);

  await listens(pool);
  const lone = new Client();
  await lone.connect();
  await lone.query('SET search_path TO pg_catalog');
  const big = await lone.query("SELECT repeat('x', 1000000) AS x");
  assert.strictEqual(big.rows[0].x.length, 1000000);
  await lone.end();
  await pool.end();
  console.log('all fine');
}

main().catch((error) => { console.error(error); process.exit(1); });
