"""Every public name of the official SDK, as JSON: what it exports, the members of it, and its commands.

`npm run test:interop` holds test/golden/python-names.json to this; run with the path of that file, it writes it.
"""

import inspect
import json
import sys

import click
import tinker
from tinker import types
from tinker.cli.__main__ import main_cli
from tinker.lib.public_interfaces.rest_client import RestClient

CLIENTS = (tinker.ServiceClient, tinker.TrainingClient, tinker.SamplingClient, RestClient, tinker.APIFuture)
# Where people call methods of data, and do not only read fields.
WITH_METHODS = ("ModelInput", "TensorData", "ParsedCheckpointTinkerPath")


def public(names):
    return sorted(name for name in names if not name.startswith("_"))


def members_of(a_class, keep):
    """Names that the class and its bases within the SDK define, where `keep` wants what they stand for."""
    own = [base for base in a_class.__mro__ if base.__module__.startswith("tinker")]
    found = {name for base in own for name in vars(base) if keep(inspect.getattr_static(a_class, name))}
    # How pydantic is told to read and write; nobody calls them.
    return {name for name in public(found) if not name.startswith(("model_", "validate_", "serialize_"))}


def is_property(value):
    """Also one of a class of its own, as the SDK has."""
    return hasattr(value, "__get__") and not is_callable(value)


def is_callable(value):
    return callable(value) or isinstance(value, (classmethod, staticmethod))


def fields_of(name):
    a_class = getattr(types, name)
    fields = public(getattr(a_class, "model_fields", None) or inspect.get_annotations(a_class))
    methods = members_of(a_class, is_callable) if name in WITH_METHODS else set()
    # `type` is a constant that tells messages apart.
    return sorted({*fields, *members_of(a_class, is_property), *methods} - {"type"})


def is_message(value):
    return inspect.isclass(value) and value.__module__.startswith("tinker") and not issubclass(value, str)


def commands_of(group, context, before=""):
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands_of(command, context, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def names():
    in_types = [name for name in public(vars(types)) if name[0].isupper()]
    messages = [name for name in in_types if is_message(getattr(types, name))]
    return {
        "version": tinker.__version__,
        "exports": sorted(tinker.__all__),
        "types": in_types,
        "clients": {one.__name__: sorted(members_of(one, lambda value: hasattr(value, "__get__"))) for one in CLIENTS},
        "fields": {name: fields_of(name) for name in messages},
        "commands": sorted(commands_of(main_cli, click.Context(main_cli))),
    }


text = json.dumps(names(), indent=1) + "\n"
if len(sys.argv) > 1:
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(text)
else:
    print(text, end="")
