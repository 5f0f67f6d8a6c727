"""What an application does with asyncpg: named prepared statements everywhere, a pool, COPY, cursors."""
import asyncio
import os

import asyncpg


async def features(connection):
    assert await connection.fetchval("SELECT $1::int + $2::int", 1, 2) == 3
    statement = await connection.prepare("SELECT $1::text || 'x'")
    assert await statement.fetchval("a") == "ax"
    async with connection.transaction():
        await connection.execute("CREATE TABLE apg (a int, b text)")
        await connection.executemany("INSERT INTO apg VALUES ($1, $2)", [(i, str(i)) for i in range(100)])
    await connection.copy_records_to_table("apg", records=[(i, "copied") for i in range(50)])
    assert await connection.fetchval("SELECT count(*) FROM apg") == 150
    async with connection.transaction():
        seen = [row["a"] async for row in connection.cursor("SELECT a FROM apg ORDER BY a", prefetch=7)]
        assert len(seen) == 150
    try:
        async with connection.transaction():
            await connection.execute("INSERT INTO apg VALUES (1, 'gone')")
            await connection.fetch("SELECT 1/0")
        raise AssertionError("no error")
    except asyncpg.DivisionByZeroError:
        pass
    assert await connection.fetchval("SELECT count(*) FROM apg WHERE b = 'gone'") == 0
    assert await connection.fetchval("SELECT $1::timestamptz = $1", None) is None
    await connection.execute("DROP TABLE apg")


async def many(pool):
    async def one(number):
        async with pool.acquire() as connection:
            return await connection.fetchval("SELECT $1::int * 2", number)
    assert await asyncio.gather(*(one(i) for i in range(200))) == [i * 2 for i in range(200)]


async def main():
    where = dict(host=os.environ["PGHOST"], port=int(os.environ["PGPORT"]), user=os.environ["PGUSER"],
                 password=os.environ["PGPASSWORD"], database=os.environ["PGDATABASE"])
    connection = await asyncpg.connect(**where)
    await features(connection)
    await connection.reset()
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
    async with asyncpg.create_pool(min_size=5, max_size=20, **where) as pool:
        await many(pool)
    print("all fine")


asyncio.run(main())
