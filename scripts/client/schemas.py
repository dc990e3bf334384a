"""What a JSON schema of the document is in Python: annotations, defaults, descriptions."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_BOUNDS = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minimum": "ge",
    "maximum": "le",
    "pattern": "pattern",
}


class Results:
    """How the values look that the node gives: unbounded, because the node vouches for them."""

    array = "list[{}]"
    mapping = "dict[str, Any]"

    def annotation(self, schema: Schema, hint: str) -> str:
        """`hint` is the name of words that have none of their own. Raises ValueError on a schema it cannot tell."""
        if "$ref" in schema:
            return self.reference(reference(schema))
        if "anyOf" in schema:
            parts = {self.annotation(one, hint): None for one in schema["anyOf"]}
            return " | ".join(sorted(parts, key=lambda part: part == "None"))
        if "enum" in schema:
            null = " | None" if None in schema["enum"] else ""
            return self.words(schema, hint) + null
        return self.bounded(schema, self._one(schema, hint))

    def _one(self, schema: Schema, hint: str) -> str:
        kind = schema.get("type")
        if kind is None:
            return "Any"
        if kind == "array":
            return self.array.format(self.annotation(schema["items"], hint))
        if kind == "object":
            return self.mapping
        return "datetime" if schema.get("format") == "date-time" else _PLAIN[kind]

    def reference(self, name: str) -> str:
        """An object that has a name."""
        return name

    def words(self, schema: Schema, hint: str) -> str:
        """One of some words."""
        return words_name(schema, hint) if any(words(schema)) else "str"

    def bounded(self, schema: Schema, plain: str) -> str:
        """A value that may have bounds."""
        return plain


class Signatures(Results):
    """How parameters look to a caller and to mypy."""

    array = "Sequence[{}]"
    mapping = "Mapping[str, Any]"

    def words(self, schema: Schema, hint: str) -> str:
        """Just these words: what they are is the interface's to say, and the client's version knows it."""
        return f"Literal[{', '.join(map(repr, words(schema)))}]"


class Checks(Signatures):
    """How parameters are checked at run time."""

    array = "list[{}]"
    mapping = "dict[str, Any]"

    def reference(self, name: str) -> str:
        """An object with bounds of its own, not the one that a caller makes."""
        return f"{name}Params"

    def bounded(self, schema: Schema, plain: str) -> str:
        """With its bounds, if it has any."""
        bounds = [f"{_BOUNDS[key]}={schema[key]!r}" for key in _BOUNDS if key in schema]
        return f"Annotated[{plain}, Meta({', '.join(bounds)})]" if bounds else plain


def reference(schema: Schema) -> str:
    """The name in a `$ref`."""
    return str(schema["$ref"]).rpartition("/")[2]


def words(schema: Schema) -> list[str]:
    """The words of an enumeration."""
    return [word for word in schema["enum"] if word is not None]


def words_name(schema: Schema, hint: str) -> str:
    """The name of an enumeration."""
    return str(schema.get("title", hint))


def parts(schema: Schema) -> list[Schema]:
    """A schema and those it offers to choose from."""
    return [schema, *schema.get("anyOf", ())]


def description(schema: Schema) -> str:
    """What the document says of a value; may be empty."""
    return next((str(one["description"]) for one in parts(schema) if "description" in one), "")


def secret(schema: Schema) -> bool:
    """Whether it is to be kept out of logs and reprs."""
    return any(one.get("x-secret") for one in parts(schema))


def default(schema: Schema, required: bool) -> str:
    """` = …` of a field, empty where it must be given."""
    return "" if required else f" = {schema.get('default')!r}"


def immutable_default(schema: Schema, required: bool) -> str:
    """` = …` of a parameter."""
    return default(schema, required).replace("[]", "()")


def references(value: Any) -> set[str]:
    """The names of all objects that a part of the document mentions."""
    if isinstance(value, dict):
        found = {reference(value)} if "$ref" in value else set()
        return found.union(*(references(one) for one in value.values()))
    return set().union(*(references(one) for one in value)) if isinstance(value, list) else set()


def camel(name: str) -> str:
    """`messages.mark_read` → `MessagesMarkRead`."""
    return "".join(word.capitalize() for word in name.replace(".", "_").split("_"))
