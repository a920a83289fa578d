"""Cuts the metadata out of a GGUF file: cut_vocabulary.py MODEL.gguf vocabulary.gguf.gz (needs the package gguf)."""

import gzip
import struct
import sys

import gguf

source, target = sys.argv[1:]
fields = gguf.GGUFReader(source).fields
end = max(
    field.offset + sum(part.nbytes for part in field.parts)
    for name, field in fields.items()
    if not name.startswith("GGUF.")
)
with open(source, "rb") as file:
    header = bytearray(file.read(end))
struct.pack_into("<Q", header, 8, 0)  # tensor count
with open(target, "wb") as file:
    file.write(gzip.compress(bytes(header), 9, mtime=0))
