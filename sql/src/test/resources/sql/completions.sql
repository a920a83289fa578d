-- ${servers} is put in by the test.

CREATE FUNCTION decode_completion AS 'org.millrace.sql.DecodeCompletion';

CREATE TABLE completions (record BYTES) WITH (
    'connector' = 'kafka',
    'topic' = 'completions',
    'properties.bootstrap.servers' = '${servers}',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'scan.bounded.mode' = 'latest-offset',
    'format' = 'raw'
);

SELECT c.session, c.answer FROM (SELECT decode_completion(record) AS c FROM completions);
