"""Renders the templates by Jinja2, set up as transformers does it: render.py writes rendered.json (needs jinja2)."""

import json
import pathlib

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

CONVERSATIONS = [
    [
        ("system", " Be brief. "),
        ("user", "Hi  there\n"),
        ("assistant", "<think>\nhm\n</think>\n\nHello "),
        ("user", " {{ 1 }} {% if %} 你好"),
    ],
    [("user", "Hello")],
]


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


here = pathlib.Path(__file__).parent
rendered = []
for name in ["llama3", "qwen2.5", "reasoning", "mistral"]:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    environment.globals["raise_exception"] = raise_exception
    template = environment.from_string((here / f"{name}.jinja").read_text())
    for conversation in CONVERSATIONS:
        messages = [{"role": role, "content": content} for role, content in conversation]
        text = template.render(
            messages=messages, add_generation_prompt=True, bos_token="<s>", eos_token="</s>"
        )
        rendered.append({"template": name, "messages": messages, "rendered": text})
(here / "rendered.json").write_text(json.dumps(rendered, ensure_ascii=False, indent=1) + "\n")
