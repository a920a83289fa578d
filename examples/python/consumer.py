# SPDX-License-Identifier: Apache-2.0
"""Prints completions, one JSON object a line, until it is stopped: python3 consumer.py BOOTSTRAP_SERVERS TOPIC"""
import io, json, pathlib, sys
from confluent_kafka import Consumer, KafkaException
from fastavro import schemaless_reader
from fastavro.schema import fingerprint, load_schema, to_parsing_canonical_form

SCHEMA = load_schema(pathlib.Path(__file__).parents[2] / "schemas/published/Completion.avsc")
HEADER = b"\xc3\x01" + bytes.fromhex(fingerprint(to_parsing_canonical_form(SCHEMA), "CRC-64-AVRO"))

# Answers are written in transactions: only read_committed sees each exactly once.
consumer = Consumer({"bootstrap.servers": sys.argv[1], "group.id": "millrace-example",
                     "auto.offset.reset": "earliest", "isolation.level": "read_committed"})
consumer.subscribe([sys.argv[2]])
while True:
    message = consumer.poll(1.0)
    if message is None:
        continue
    if message.error():
        raise KafkaException(message.error())
    if message.value()[:10] != HEADER:
        sys.exit(f"partition={message.partition()}, offset={message.offset()} has another schema than Completion.avsc")
    print(json.dumps(schemaless_reader(io.BytesIO(message.value()[10:]), SCHEMA)), flush=True)
