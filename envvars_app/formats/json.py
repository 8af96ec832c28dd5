"""JSON: one object of strings. Lossless: it holds every value that is valid text."""

import json
from collections.abc import Mapping

from envvars_app.formats.base import Format, Rendered, render_each


def _render(variables: Mapping[str, str]) -> Rendered:
    kept, left_out = render_each(variables, lambda key, value: key)
    text = json.dumps({key: variables[key] for key in kept}, indent=2, ensure_ascii=False)
    return Rendered(text + "\n", left_out)


JSON = Format("json", "JSON", "env.json", "application/json", _render)
