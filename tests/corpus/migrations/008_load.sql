\set ON_ERROR_STOP on
CREATE TABLE app.countries (code text PRIMARY KEY, name text NOT NULL);
COPY app.countries (code, name) FROM stdin;
de	Germany; DROP TABLE app.countries
fr	France
\.
CREATE FUNCTION app.country(text) RETURNS text LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE WHEN $1 IS NULL THEN '' ELSE name END FROM app.countries WHERE code = $1;
END;
GRANT SELECT ON app.countries TO app_ro;
