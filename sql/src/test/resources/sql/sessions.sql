-- ${model}, ${input}, ${output}, ${answer}, an expression, and ${hints} are put in by the test.

CREATE TABLE answers (
    session STRING,
    request STRING,
    answer STRING,
    finish_reason STRING,
    prompt_tokens INT,
    reused_tokens INT,
    generated_tokens INT,
    prompt_time TIMESTAMP_LTZ(3),
    error STRING,
    WATERMARK FOR prompt_time AS SOURCE_WATERMARK()
) WITH (
    'connector' = 'millrace',
    'uid' = 'chat',
    'model' = '${model}',
    'prompts.connector' = 'filesystem',
    'prompts.path' = '${input}',
    'prompts.format' = 'json',
    'prompts.json.timestamp-format.standard' = 'ISO-8601',
    'max-out-of-orderness' = '1 min',
    'max-tokens' = '100',
    'temperature' = '0.8',
    'seed' = '11',
    'retention' = 'full',
    'kernels' = 'reference',
    'threads' = '1',
    'max-sequences' = '16'
);

CREATE TABLE results (
    id INT,
    session STRING,
    answer STRING,
    finish_reason STRING,
    prompt_tokens INT,
    reused_tokens INT,
    generated_tokens INT,
    prompt_time TIMESTAMP_LTZ(3),
    error STRING
) WITH (
    'connector' = 'filesystem',
    'path' = '${output}',
    'format' = 'json',
    -- Without an end a row is seen at the next checkpoint.
    'sink.rolling-policy.file-size' = '1 b'
);

INSERT INTO results
SELECT CAST(request AS INT), session, ${answer}, finish_reason, prompt_tokens, reused_tokens, generated_tokens, prompt_time, error
FROM answers ${hints};
