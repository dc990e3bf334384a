"""Parameters are checked before a call is sent, against the bounds that the node's interface gives."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from mepassa.errors import InvalidCall
from mepassa.generated.params import PARAMS, Params

_WORDS = {"null": "None", "array": "list", "object": "dict"}
_PLACE = re.compile(r"(?: - at (?:`key` in )?`\$\.?(?P<where>.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"Object (?P<fault>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)


def checked(method: str, params: Mapping[str, object]) -> Params | dict[str, object]:
    """The parameters to send: those that are None left out, those of a method of this interface checked.

    Raises `InvalidCall`. The parameters of a plugin's method are not known here; the node checks them.
    """
    given = {name: value for name, value in params.items() if value is not None}
    shape = PARAMS.get(method)
    if shape is None:
        return given
    try:
        return msgspec.convert(given, shape, from_attributes=True)
    except msgspec.ValidationError as error:
        raise InvalidCall(_sentence(method, shape, str(error))) from None


def _sentence(method: str, shape: type[Params], found: str) -> str:
    place = _PLACE.search(found)
    where = (place and place["where"]) or ""
    fault = found[: place.start()] if place else found
    field = _FIELD.match(fault)
    if field is None:
        plain = re.sub(r"\b(null|array|object)\b", lambda word: _WORDS[word[0]], fault)
        return f"The parameter `{where}` of {method} is wrong: {plain[0].lower()}{plain[1:]}."
    name = f"{where}.{field['name']}" if where else field["name"]
    if field["fault"] == "missing required":
        return f"{method} needs the parameter `{name}`."
    known = ", ".join(f"`{one}`" for one in shape.__struct_fields__)
    return f"{method} has no parameter `{name}`." + (f" It takes {known}." if known and not where else "")
