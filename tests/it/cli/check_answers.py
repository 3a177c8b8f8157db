"""A plugin of the AWS CLI: every answer is held against the CLI's own model of the service, more strictly than the CLI itself does.

The CLI drops members that it doesn't know, and doesn't miss those that are not there. Here both end the command.
"""

import json
import os
import re
import sys

# Errors that every operation may answer with, though few models name them (AWS's pages on common errors).
COMMON = {
    "AccessDeniedException", "IncompleteSignature", "IncompleteSignatureException", "InvalidClientTokenId", "InvalidSignatureException",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException", "SerializationException", "ThrottlingException",
    "UnknownOperationException", "UnrecognizedClientException", "ValidationException",
}

# Members that AWS's API reference has, and the CLI's model does not have yet.
NEWER = {"GroupArn", "IdentityStoreArn", "MembershipArn", "Revision", "UserArn"}


def awscli_initialize(cli):
    cli.register("before-parse", check)


def check(operation_model, response_dict, **_):
    problems = []
    operation = f"{operation_model.service_model.service_name} {operation_model.name}"
    try:
        body = json.loads(response_dict["body"] or b"{}")
    except ValueError as error:
        problems.append(f"no JSON: {error}")
        body = {}
    if not problems and response_dict["status_code"] < 300:
        look(operation_model.output_shape, body, "", problems)
    elif not problems:
        code = str(body.get("__type", "")).rsplit("#", 1)[-1]
        known = {shape.error_code for shape in operation_model.error_shapes} | COMMON
        if code not in known:
            problems.append(f"the error `{code}` is none of this operation's")
    with open(os.environ["USHER_CHECKED_ANSWERS"], "a", encoding="utf-8") as checked:
        checked.write(f"{operation}\n")
    if problems:
        for problem in problems:
            print(f"the answer to {operation} is not what its model says: {problem}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(86)


def look(shape, value, path, problems):
    if shape is None:
        if value not in ({}, None):
            problems.append(f"{path}: there should be nothing")
    elif value is None:
        problems.append(f"{path}: null is never sent")
    elif shape.type_name == "structure":
        if not isinstance(value, dict):
            problems.append(f"{path}: {value!r} is no structure")
            return
        for member in value:
            if member in NEWER and member not in shape.members:
                continue
            if member not in shape.members:
                problems.append(f"{path}.{member}: there is no such member")
            else:
                look(shape.members[member], value[member], f"{path}.{member}", problems)
        for member in shape.required_members:
            if member not in value:
                problems.append(f"{path}.{member}: it is missing")
    elif shape.type_name == "list":
        if not isinstance(value, list):
            problems.append(f"{path}: {value!r} is no list")
            return
        for index, item in enumerate(value):
            look(shape.member, item, f"{path}[{index}]", problems)
    elif shape.type_name == "string":
        text(shape, value, path, problems)
    elif shape.type_name == "boolean":
        if not isinstance(value, bool):
            problems.append(f"{path}: {value!r} is neither true nor false")
    elif shape.type_name in ("integer", "long", "timestamp", "double", "float"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            problems.append(f"{path}: {value!r} is no number")


def text(shape, value, path, problems):
    if not isinstance(value, str):
        problems.append(f"{path}: {value!r} is no text")
        return
    if shape.enum and value not in shape.enum:
        problems.append(f"{path}: `{value}` is none of {shape.enum}")
    least, most, pattern = (shape.metadata.get(key) for key in ("min", "max", "pattern"))
    if least is not None and len(value) < least or most is not None and len(value) > most:
        problems.append(f"{path}: `{value}` is not of {least} to {most} characters")
    if pattern:
        try:
            matches = re.search(f"^(?:{pattern})$", value)
        except re.error:  # Java's, with classes that Python doesn't know.
            return
        if not matches:
            problems.append(f"{path}: `{value}` does not match {pattern}")
