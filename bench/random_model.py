"""Writes a GGUF file of a larger model's shape with random Q4_0 weights and another model's tokenizer: for bytes and speed only.

Usage: random_model.py SHAPE TOKENIZER.gguf TARGET.gguf
"""

import sys

import numpy
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter

# layers, hidden size, feed-forward size, query heads, KV heads, head size
SHAPES = {"llama-1b": (16, 2048, 8192, 32, 8, 64), "llama-8b": (32, 4096, 14336, 32, 8, 128)}

BLOCK = 32
BLOCK_BYTES = 18  # float16 scale, then 32 codes of 4 bits
CODE_DEVIATION = 4.6  # of codes -8 to 7, uniform


def q4_0(random, rows, columns):
    """Weights with a deviation of 1 / sqrt(columns), so that activations keep their size."""
    blocks = numpy.empty((rows, columns // BLOCK, BLOCK_BYTES), dtype=numpy.uint8)
    blocks[:, :, :2] = numpy.array([1 / CODE_DEVIATION / columns**0.5], dtype="<f2").view(numpy.uint8)
    blocks[:, :, 2:] = random.integers(0, 256, (rows, columns // BLOCK, BLOCK // 2), dtype=numpy.uint8)
    return blocks.reshape(rows, -1)


def add_metadata(writer, tokenizer, shape):
    layers, hidden, feed_forward, heads, kv_heads, head_dim = shape
    writer.add_block_count(layers)
    writer.add_context_length(tokenizer.fields["llama.context_length"].contents())
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(500000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    for name, field in tokenizer.fields.items():
        if name.startswith("tokenizer."):
            kind = field.types[0]
            of = field.types[1] if kind == GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), kind, of)


def add_tensors(writer, vocabulary, shape):
    layers, hidden, feed_forward, heads, kv_heads, head_dim = shape
    random = numpy.random.default_rng(42)

    def matrix(name, rows, columns):
        writer.add_tensor(name, q4_0(random, rows, columns), raw_dtype=GGMLQuantizationType.Q4_0)

    def norm(name):
        writer.add_tensor(name, numpy.ones(hidden, dtype=numpy.float32))

    matrix("token_embd.weight", vocabulary, hidden)
    norm("output_norm.weight")
    matrix("output.weight", vocabulary, hidden)
    for i in range(layers):
        norm(f"blk.{i}.attn_norm.weight")
        norm(f"blk.{i}.ffn_norm.weight")
        matrix(f"blk.{i}.attn_q.weight", heads * head_dim, hidden)
        matrix(f"blk.{i}.attn_k.weight", kv_heads * head_dim, hidden)
        matrix(f"blk.{i}.attn_v.weight", kv_heads * head_dim, hidden)
        matrix(f"blk.{i}.attn_output.weight", hidden, heads * head_dim)
        matrix(f"blk.{i}.ffn_gate.weight", feed_forward, hidden)
        matrix(f"blk.{i}.ffn_up.weight", feed_forward, hidden)
        matrix(f"blk.{i}.ffn_down.weight", hidden, feed_forward)


def main():
    shape_name, source, target = sys.argv[1:]
    tokenizer = GGUFReader(source)
    writer = GGUFWriter(target, "llama")
    add_metadata(writer, tokenizer, SHAPES[shape_name])
    add_tensors(writer, len(tokenizer.fields["tokenizer.ggml.tokens"].data), SHAPES[shape_name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
