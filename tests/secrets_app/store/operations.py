"""The operations of a store by name, and garbled SSM responses."""

from collections.abc import Callable

from secrets_app.store.base import ParameterStore, SecretValue

PATH = "/amplify/d1/main/foo"
CANARY = "canary-58c1"
Operation = Callable[[ParameterStore], object]
READS: dict[str, Operation] = {
    "list": lambda store: list(store.list(["/amplify/d1"])),
    "current": lambda store: store.current([PATH]),
    "read": lambda store: store.read([PATH]),
    "versions": lambda store: store.versions(PATH),
    "read_version": lambda store: store.read_version(PATH, 1),
    "ping": lambda store: store.ping(),
}
WRITES: dict[str, Operation] = {
    "create": lambda store: store.put(PATH, SecretValue(CANARY), overwrite=False),
    "overwrite": lambda store: store.put(PATH, SecretValue(CANARY), overwrite=True),
    "remove": lambda store: store.remove([PATH]),
}
OPERATIONS = READS | WRITES
GARBLED = {
    "HTML": b"<html>Sign in to the guest network</html>",
    "nothing": b"",
    "cut short": b'{"Version": 1, "Ti',
    "no object": b"[1, 2]",
    "no members": b"{}",
    "nulls": b'{"Version": null, "Parameters": null, "DeletedParameters": null}',
    "other names": b'{"Parameters": [{"Name": "/x"}], "DeletedParameters": ["/x"]}',
    "not UTF-8": b"\xff\xfe",
}
