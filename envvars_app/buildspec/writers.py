"""The lines that write variables from a build's environment into a file, for each kind of file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

# Variables of a build's environment that Amplify sets
_NEVER_WRITTEN = ("AWS_ACCESS_KEY_ID", "secrets")


class InvalidSelection(ValueError):
    """Raised for a selection that makes no commands. `field` is the form field at fault."""

    def __init__(self, message: str, field: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class Selection:
    """The variables to write, and the file. Names that start with `prefix` (if any) go together."""

    names: Sequence[str]
    prefix: str
    path: str

    def js_array(self) -> str:
        """Return the names as a JavaScript array. They need no escaping: _check_name ran before."""
        return json.dumps(list(self.names))


def echo(selection: Selection) -> list[str]:
    return [f'echo "{name}=${name}" >> {selection.path}' for name in selection.names]


def grep(selection: Selection) -> list[str]:
    if selection.prefix and any(name.startswith(selection.prefix) for name in _NEVER_WRITTEN):
        raise InvalidSelection(
            "This prefix also matches the build's AWS credentials or secrets. Enter a longer one.",
            "prefix",
        )
    patterns = [
        f"^{name}="
        for name in selection.names
        if not (selection.prefix and name.startswith(selection.prefix))
    ]
    patterns += [f"^{selection.prefix}"] if selection.prefix else []
    return [f"env | grep {' '.join(f'-e {p}' for p in patterns)} >> {selection.path}"]


def _for_each_name(
    selection: Selection,
    function: str,
    *,
    before: str = "",
    after: str = "",
    between: str = "",
    redirect: str = ">>",
) -> list[str]:
    """Return the command that writes what a JavaScript function returns for each name.

    `before` and `after` are JavaScript around the names' array, `between` goes between two results.
    """
    array = f"{before}{selection.js_array()}.map({function}){after}"
    return [f"node -p '{array}.join(\"{between}\")' {redirect} {selection.path}"]


def _dotenv_line(value: str, quotes: str) -> str:
    """Return the function that makes a name's line, in the quotes `q` around the value `v`.

    \x27 is a single quote, which can't appear in the shell's single quotes. The leading line break
    completes the last line of a file that lacks one.
    """
    return (
        f"k => {{ const v = {value}, q = {quotes}; "
        r'if (!q) throw k; return "\n" + k + "=" + q + v + q }'
    )


def dotenv(selection: Selection) -> list[str]:
    # As console.lib.text.dotenv.quote: in single quotes if all readers agree on them, otherwise in
    # double ones. A value that some reader would change gets the first quote character that it
    # doesn't contain, as npm's dotenv and Node.js read it. They take a \ before the closing quote
    # for an escape, and go on to a quote in a later variable.
    quotes = (
        r'[["\x27", /^(?:[^\x27\\]|\\(?![\\\x27]|$))*$/], '
        r'["\"", /^(?:[^"`$\\]|\$(?=[ \t\n\x27.,;\/%)]|$)|\\(?!["\x27`$\\abfnrtv\n]|$))*$/]]'
        r".find(r => r[1].test(v))?.[0] "
        r'?? ["\x27", "`", "\""].find(q => !v.includes(q) && !v.endsWith("\\"))'
    )
    return _for_each_name(selection, _dotenv_line('process.env[k] ?? ""', quotes))


def dotenv_for_expanding(selection: Selection) -> list[str]:
    # Vite, Next.js and Create React App replace $NAME after npm's dotenv has read the file, in
    # quotes too. \$ is a $ to them. A \ before the closing quote is an escape, as above.
    value = r'(process.env[k] ?? "").replaceAll("$", "\\$")'
    quotes = (
        r'["\x27", "`", "\""].find(q => !v.includes(q) && !v.endsWith("\\") && '
        r'!(q == "\"" && /\\[nr]/.test(v)))'
    )
    return _for_each_name(selection, _dotenv_line(value, quotes))


def json_object(selection: Selection) -> list[str]:
    return [f"node -p 'JSON.stringify(process.env, {selection.js_array()}, 2)' > {selection.path}"]


def dart_class(selection: Selection) -> list[str]:
    # A JSON string is a Dart string, except for $, which Dart interpolates.
    return _for_each_name(
        selection,
        r'k => "  static const String " + k + " = " + '
        r'JSON.stringify(process.env[k] ?? "").replaceAll("$", "\\$") + ";"',
        before='["abstract final class Env {", ...',
        after=', "}"]',
        between=r"\n",
        redirect=">",
    )


def properties(selection: Selection) -> list[str]:
    # Gradle reads Latin-1, so everything but plain ASCII becomes an escape. Spaces and backslashes,
    # which have a meaning in the format, do too.
    return _for_each_name(
        selection,
        r'k => "\n" + k + "=" + (process.env[k] ?? "")'
        r'.replace(/[^!-\[\]-~]/g, c => "\\u" + c.charCodeAt().toString(16).padStart(4, "0"))',
    )


def build_config(selection: Selection) -> list[str]:
    # A Java string inside a Groovy string, which interpolates $.
    return _for_each_name(
        selection,
        r'k => "  buildConfigField \"String\", \"" + k + "\", " + '
        r'JSON.stringify(JSON.stringify(process.env[k] ?? "")).replaceAll("$", "\\$")',
        before='["android.defaultConfig {", ...',
        after=', "}"]',
        between=r"\n",
        redirect=">",
    )


def property_list(selection: Selection) -> list[str]:
    # XML's special characters become numeric references. So does CR, which XML reads as LF.
    return [
        r"""node -p '"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>" """
        f'+ {selection.js_array()}.map(k => "<key>" + k + "</key><string>" + (process.env[k] ?? "")'
        r'.replace(/[&<>\r]/g, c => "&#" + c.charCodeAt() + ";") + "</string>")'
        f'.join("") + "</dict></plist>"\' > {selection.path}'
    ]
