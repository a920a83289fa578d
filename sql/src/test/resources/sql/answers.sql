-- ${model}, ${input}, ${output} and ${answer}, an expression, are put in by the test.

CREATE TABLE prompts (
    id INT,
    question STRING,
    instruction STRING
) WITH (
    'connector' = 'filesystem',
    'path' = '${input}',
    'format' = 'json'
);

CREATE TABLE answers (
    id INT,
    answer STRING,
    finish_reason STRING,
    prompt_tokens INT,
    generated_tokens INT,
    logprob DOUBLE,
    error STRING
) WITH (
    'connector' = 'filesystem',
    'path' = '${output}',
    'format' = 'json'
);

CREATE MODEL chat
INPUT (prompt STRING, system_prompt STRING)
OUTPUT (generated_tokens INT, answer STRING, error STRING, finish_reason STRING, logprob DOUBLE, prompt_tokens INT)
WITH (
    'provider' = 'millrace',
    'model' = '${model}',
    'system-prompt' = 'Be brief.',
    'max-tokens' = '24',
    'temperature' = '0.8',
    'top-k' = '40',
    'seed' = '11',
    'kernels' = 'reference',
    'threads' = '1',
    'max-sequences' = '16',
    'pool-memory' = '16 mb'
);

INSERT INTO answers
SELECT id, ${answer}, finish_reason, prompt_tokens, generated_tokens, logprob, error
FROM ML_PREDICT(
    TABLE prompts,
    MODEL chat,
    DESCRIPTOR(question, instruction),
    MAP['async', 'true', 'max-concurrent-operations', '8', 'output-mode', 'ALLOW_UNORDERED', 'timeout', '60 s']
);
