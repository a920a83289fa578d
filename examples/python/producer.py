# SPDX-License-Identifier: Apache-2.0
"""Sends prompts: python3 producer.py BOOTSTRAP_SERVERS TOPIC < prompts.jsonl

Each line is a PromptRequest as a JSON object. A field that is left out takes the schema's default.
"""
import io, json, pathlib, sys
from confluent_kafka import KafkaException, Producer
from fastavro import schemaless_writer
from fastavro.schema import fingerprint, load_schema, to_parsing_canonical_form

SCHEMA = load_schema(pathlib.Path(__file__).parents[2] / "schemas/published/PromptRequest.avsc")
HEADER = b"\xc3\x01" + bytes.fromhex(fingerprint(to_parsing_canonical_form(SCHEMA), "CRC-64-AVRO"))


def delivered(error, message):
    if error:
        raise KafkaException(error)


# The partitioner is that of Java's clients, and idempotence keeps the order when a send is tried again.
producer = Producer({"bootstrap.servers": sys.argv[1], "partitioner": "murmur2_random", "enable.idempotence": True})
for line in sys.stdin.buffer:
    request = json.loads(line)
    value = io.BytesIO()
    value.write(HEADER)
    schemaless_writer(value, SCHEMA, request, strict_allow_default=True)
    producer.produce(sys.argv[2], key=request["sessionId"].encode(), value=value.getvalue(), on_delivery=delivered)
    producer.poll(0)
producer.flush()
