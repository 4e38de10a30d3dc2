"""The query behind /api/slow."""

# Half a second or so of honest work in SQLite and in PostgreSQL: it stands for the report that was quick when the shop
# opened. The bound is a constant, so no caller can make it slower.
SLOW_QUERY = """
    WITH RECURSIVE sale(number) AS (
        SELECT 1 UNION ALL SELECT number + 1 FROM sale WHERE number < 1500000
    )
    SELECT count(*), sum(number % 7) FROM sale
"""
