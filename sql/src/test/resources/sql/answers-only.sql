-- ${model} and ${output} are put in by the test.

CREATE VIEW prompts AS
SELECT id, question
FROM (VALUES (1, 'What is new?'), (2, REPEAT('so ', 600))) AS v (id, question);

CREATE TABLE answers (
    id INT,
    answer STRING
) WITH (
    'connector' = 'filesystem',
    'path' = '${output}',
    'format' = 'json'
);

CREATE MODEL chat
INPUT (prompt STRING)
OUTPUT (answer STRING)
WITH (
    'provider' = 'millrace',
    'model' = '${model}',
    'max-tokens' = '4',
    'kernels' = 'reference',
    'pool-memory' = '16 mb'
);

INSERT INTO answers
SELECT id, answer
FROM ML_PREDICT(TABLE prompts, MODEL chat, DESCRIPTOR(question));
