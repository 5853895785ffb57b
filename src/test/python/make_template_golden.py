#!/usr/bin/env python3
"""Renders the templates of src/test/resources/templates/cases.json with jinja2, set up as transformers sets it up, and
writes the outputs to golden.json beside it. Needs jinja2 and transformers.

usage: make_template_golden.py src/test/resources/templates
"""
import json
import pathlib
import sys

from transformers.utils.chat_template_utils import _compile_jinja_template

folder = pathlib.Path(sys.argv[1])
cases = json.loads((folder / "cases.json").read_text())
outputs = []
for template in cases["templates"]:
    for variables in cases["variables"]:
        try:
            text = _compile_jinja_template(template["source"]).render(**variables)
        except Exception as error:
            text = None if "keep_error" not in template else str(error)
        outputs.append(text)
(folder / "golden.json").write_text(json.dumps(outputs, ensure_ascii=False, indent=0) + "\n")
print(len(outputs), "outputs,", sum(o is None for o in outputs), "errors")
