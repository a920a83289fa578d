-- ${model}, ${servers} and ${answer}, an expression, are put in by the test.

CREATE TABLE answers (
    session STRING,
    request STRING,
    answer STRING,
    reused_tokens INT,
    error STRING
) WITH (
    'connector' = 'millrace',
    'uid' = 'chat',
    'model' = '${model}',
    'max-tokens' = '24',
    'temperature' = '0.8',
    'seed' = '11',
    'retention' = 'full',
    'kernels' = 'reference',
    'threads' = '1',
    'max-sequences' = '16',
    'prompts.connector' = 'kafka',
    'prompts.topic' = 'prompts',
    'prompts.properties.bootstrap.servers' = '${servers}',
    'prompts.scan.startup.mode' = 'earliest-offset',
    'prompts.format' = 'json'
);

CREATE TABLE results (
    session STRING,
    request STRING,
    answer STRING,
    reused_tokens INT,
    error STRING
) WITH (
    'connector' = 'kafka',
    'topic' = 'results',
    'properties.bootstrap.servers' = '${servers}',
    'properties.transaction.timeout.ms' = '600000',
    'format' = 'json',
    'sink.delivery-guarantee' = 'exactly-once',
    'sink.transactional-id-prefix' = 'results'
);

INSERT INTO results
SELECT session, request, ${answer}, reused_tokens, error
FROM answers;
