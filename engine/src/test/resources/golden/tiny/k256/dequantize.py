"""Digests of dequantised weights by the package gguf: dequantize.py *.gguf > dequantized.json

SHA-256 of each tensor as little-endian float32, rows of attn_q and attn_k in half-split order, -0 written as +0.
"""

import hashlib
import json
import pathlib
import sys

import gguf
import numpy as np

HEAD_DIM = 64


def half_split(rows):
    pairs = rows.reshape(-1, HEAD_DIM // 2, 2, rows.shape[1])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


digests = {}
for path in sys.argv[1:]:
    tensors = {}
    for tensor in gguf.GGUFReader(path).tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype("<f4") + np.float32(0)
        if tensor.name.endswith(("attn_q.weight", "attn_k.weight")):
            values = half_split(values)
        tensors[tensor.name] = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]
    digests[pathlib.Path(path).name] = tensors
json.dump(digests, sys.stdout, indent=1)
