"""A plugin of the AWS CLI: every answer is held against the CLI's own model of the service, more strictly than the CLI itself does.

The CLI drops members that it doesn't know, doesn't miss those that are not there, and looks at no length, size or range. Here all of that ends
the command, in answers and in errors.
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

# Members that AWS's API reference has, and the CLI's model does not have yet, by the shape that has them.
NEWER = {
    "CreateGroupMembershipResponse": {"MembershipArn"},
    "CreateGroupResponse": {"GroupArn", "Revision"},
    "CreateUserResponse": {"UserArn", "Revision"},
    "DescribeGroupMembershipResponse": {"MembershipArn"},
    "DescribeGroupResponse": {"GroupArn", "Revision"},
    "DescribeInstanceResponse": {"IdentityStoreArn"},
    "DescribeUserResponse": {"UserArn", "Revision"},
    "GetGroupIdResponse": {"GroupArn"},
    "GetGroupMembershipIdResponse": {"MembershipArn"},
    "GetUserIdResponse": {"UserArn"},
    "Group": {"GroupArn", "Revision"},
    "GroupMembership": {"MembershipArn"},
    "InstanceMetadata": {"IdentityStoreArn"},
    "User": {"UserArn", "Revision"},
}


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
        look_at_error(operation_model.error_shapes, body, problems)
    with open(os.environ["USHER_CHECKED_ANSWERS"], "a", encoding="utf-8") as checked:
        checked.write(f"{operation}\n")
    if problems:
        for problem in problems:
            print(f"the answer to {operation} is not what its model says: {problem}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(86)


def look_at_error(shapes, body, problems):
    code = str(body.get("__type", "")).rsplit("#", 1)[-1]
    shape = next((shape for shape in shapes if shape.error_code == code), None)
    if shape is None and code not in COMMON:
        problems.append(f"the error `{code}` is none of this operation's")
    # Some services write the message's member in small letters, whatever their model says.
    members = {"Message" if name == "message" else name: value for name, value in body.items() if name != "__type"}
    if not isinstance(members.get("Message"), str) or not members["Message"]:
        problems.append(f"the error `{code}` has no message")
    if shape is not None:
        look(shape, members, f"({code})", problems)
    elif set(members) != {"Message"}:
        problems.append(f"the error `{code}` has more than a message: {sorted(members)}")


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
            if member in shape.members:
                look(shape.members[member], value[member], f"{path}.{member}", problems)
            elif member not in NEWER.get(shape.name, ()):
                problems.append(f"{path}.{member}: there is no such member in {shape.name}")
        for member in shape.required_members:
            if member not in value:
                problems.append(f"{path}.{member}: it is missing")
    elif shape.type_name == "list":
        if not isinstance(value, list):
            problems.append(f"{path}: {value!r} is no list")
            return
        within(shape, len(value), f"{path}: a list of {len(value)}", problems)
        for index, item in enumerate(value):
            look(shape.member, item, f"{path}[{index}]", problems)
    elif shape.type_name == "map":
        if not isinstance(value, dict):
            problems.append(f"{path}: {value!r} is no map")
            return
        within(shape, len(value), f"{path}: a map of {len(value)}", problems)
        for key, item in value.items():
            look(shape.key, key, f"{path} key", problems)
            look(shape.value, item, f"{path}[{key}]", problems)
    elif shape.type_name == "string":
        text(shape, value, path, problems)
    elif shape.type_name == "boolean":
        if not isinstance(value, bool):
            problems.append(f"{path}: {value!r} is neither true nor false")
    elif shape.type_name in ("integer", "long"):
        if isinstance(value, bool) or not isinstance(value, int):
            problems.append(f"{path}: {value!r} is no whole number")
        else:
            within(shape, value, f"{path}: {value}", problems)
    elif shape.type_name in ("timestamp", "double", "float"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            problems.append(f"{path}: {value!r} is no number")
        elif shape.type_name != "timestamp":
            within(shape, value, f"{path}: {value}", problems)
    elif not getattr(shape, "is_document_type", False):
        problems.append(f"{path}: nothing is known of a {shape.type_name}")


def within(shape, size, said, problems):
    least, most = (shape.metadata.get(key) for key in ("min", "max"))
    if least is not None and size < least or most is not None and size > most:
        problems.append(f"{said} is not within {least} to {most}")


def text(shape, value, path, problems):
    if not isinstance(value, str):
        problems.append(f"{path}: {value!r} is no text")
        return
    if shape.enum and value not in shape.enum:
        problems.append(f"{path}: `{value}` is none of {shape.enum}")
    within(shape, len(value), f"{path}: the length of `{value}`", problems)
    pattern = shape.metadata.get("pattern")
    if pattern:
        try:
            matches = re.search(f"^(?:{pattern})$", value)
        except re.error:  # Java's, with classes that Python doesn't know.
            return
        if not matches:
            problems.append(f"{path}: `{value}` does not match {pattern}")
