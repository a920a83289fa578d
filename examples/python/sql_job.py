# SPDX-License-Identifier: Apache-2.0
"""Answers prompts with Flink SQL: JSON lines in, JSON lines out.

    pip install apache-flink==2.3.0
    python sql_job.py --jar millrace-sql.jar --model model.gguf --prompts prompts --answers answers

Prompts are files of lines such as {"id": 1, "question": "Why is the sky blue?"}.
"""
import argparse
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment


def literal(text):
    """A string for SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def main():
    parser = argparse.ArgumentParser(description="Answers prompts with Flink SQL.")
    parser.add_argument("--jar", type=Path, required=True, help="millrace-sql.jar")
    parser.add_argument("--model", type=Path, required=True, help="GGUF file or Hugging Face directory")
    parser.add_argument("--prompts", type=Path, required=True, help="directory of JSON lines")
    parser.add_argument("--answers", type=Path, required=True, help="directory to write to")
    parser.add_argument("--max-tokens", type=int, default=64, help="of an answer")
    args = parser.parse_args()

    tables = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
    tables.execute_sql(f"ADD JAR {literal(args.jar.resolve())}")
    tables.execute_sql(f"""
        CREATE TABLE prompts (id INT, question STRING)
        WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = {literal(args.prompts.resolve())})
    """)
    tables.execute_sql(f"""
        CREATE TABLE answers (id INT, answer STRING, finish_reason STRING, error STRING)
        WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = {literal(args.answers.resolve())})
    """)
    tables.execute_sql(f"""
        CREATE MODEL chat
        INPUT (prompt STRING)
        OUTPUT (answer STRING, finish_reason STRING, error STRING)
        WITH (
            'provider' = 'millrace',
            'model' = {literal(args.model.resolve())},
            'max-tokens' = '{args.max_tokens}'
        )
    """)
    tables.execute_sql("""
        INSERT INTO answers
        SELECT id, answer, finish_reason, error
        FROM ML_PREDICT(
            TABLE prompts, MODEL chat, DESCRIPTOR(question),
            MAP['max-concurrent-operations', '64', 'output-mode', 'ALLOW_UNORDERED']
        )
    """).wait()


if __name__ == "__main__":
    main()
