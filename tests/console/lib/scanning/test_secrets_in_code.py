"""Every `secret('…')` of Amplify's backend library is found in TypeScript, and nothing else."""

from pathlib import Path

import pytest

from tests.console.lib.scanning.project_folder import needed, scanned

RESOURCE = "amplify/auth/resource.ts"
FROM = "'@aws-amplify/backend'"
NAMED = "import { defineAuth, secret } from '@aws-amplify/backend';\n"


def keys(tmp_path: Path, code: str, name: str = RESOURCE) -> list[str]:
    """Return the secrets that a file uses, "?" for keys that only show when it runs."""
    project = scanned(tmp_path, {name: code})
    assert project.problems == []
    return [*needed(project, "secret"), *("?" for noun, _ in project.unclear if noun == "secret")]


def test_it_works(tmp_path: Path) -> None:
    code = (
        NAMED + "export const auth = defineAuth({\n  a: secret('ONE'),\n  b: secret(\"TWO\") });\n"
    )
    project = scanned(tmp_path, {RESOURCE: code})
    assert needed(project, "secret") == {"ONE": f"{RESOURCE}:3", "TWO": f"{RESOURCE}:4"}
    assert (project.unclear, project.files) == ([], 1)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import { secret as s } from '@aws-amplify/backend';\ns('A')", ["A"]),
        ("import * as amplify from '@aws-amplify/backend';\namplify.secret('A')", ["A"]),
        ("import be = require('@aws-amplify/backend');\nbe.secret('A')", ["A"]),
        ("const { secret } = require('@aws-amplify/backend');\nsecret('A')", ["A"]),
        ("const s = require('@aws-amplify/backend').secret;\ns('A')", ["A"]),
        (NAMED + "const mine = secret;\nmine('A')", ["A"]),
        (NAMED + "(secret as any)('A')", ["A"]),
        (NAMED + "secret(('A' as string)!)", ["A"]),
        (NAMED + "secret(/* the key */ 'A')", ["A"]),
        (NAMED + "secret(`A`)", ["A"]),
        (NAMED + r"secret('A\u0042\x43\u{44}')", ["ABCD"]),
        (NAMED + "const K = 'A'; secret(K)", ["A"]),
        (NAMED + "secret(K); const K = 'A' as const", ["A"]),
        (NAMED + "const P = 'A'; secret(`${P}_B`); secret(P + '_C')", ["A_B", "A_C"]),
        (NAMED + "const K = { a: 'A' } as const; secret(K.a)", ["A"]),
        (NAMED + "const K = { 'a-b': 'A' }; secret(K['a-b'])", ["A"]),
        (NAMED + "const { a: k } = { a: 'A' }; secret(k)", ["A"]),
        (NAMED + "enum K { One = 'A' }\nsecret(K.One)", ["A"]),
        (NAMED + "function f() { const K = 'B'; secret(K) }\nconst K = 'A';", ["B"]),
    ],
    ids=str,
)
def test_ways_to_name_a_key(tmp_path: Path, code: str, expected: list[str]) -> None:
    assert keys(tmp_path, code) == expected


@pytest.mark.parametrize(
    "code",
    [
        NAMED + "secret(name)",
        NAMED + "let k = 'A'; k = other(); secret(k)",
        NAMED + "secret(`A_${stage}`)",
        NAMED + "secret()",
        NAMED + "secret(...keys)",
        NAMED + "const k = k; secret(k)",
        NAMED + "const a = b; const b = a; secret(a)",
        NAMED + "export const own = (key: string) => secret(key);",
        NAMED + "secret(isProduction ? 'A' : 'B')",
    ],
)
def test_keys_that_only_show_when_the_code_runs(tmp_path: Path, code: str) -> None:
    assert keys(tmp_path, code) == ["?"]


@pytest.mark.parametrize(
    "code",
    [
        "secret('A')",
        "import { secret } from './own';\nsecret('A')",
        "import { secret } from 'some-package';\nsecret('A') // not @aws-amplify/backend",
        NAMED + "// secret('A')\n/* secret('B') */",
        NAMED + "const text = \"secret('A')\"; const other = `secret('B')`;",
        NAMED + "function f(secret: (key: string) => string) { return secret('A') }",
        NAMED + "const f = secret => secret('A')",
        NAMED + "const f = ({ secret }) => secret('A')",
        NAMED + "{ const secret = (x) => x; secret('A') }",
        NAMED + "try {} catch (secret) { secret('A') }",
        NAMED + "for (const secret of list) secret('A')",
        NAMED + "function f() { secret('A'); var secret = (x) => x }",
        NAMED + "function f() { function secret(x) {} secret('A') }",
        NAMED + "class C { secret(x) {} f() { this.secret('A') } }",
        NAMED + "other.secret('A')",
    ],
)
def test_other_functions_of_this_name(tmp_path: Path, code: str) -> None:
    assert keys(tmp_path, code) == []


def test_a_type_is_no_declaration(tmp_path: Path) -> None:
    code = NAMED + "type F = (secret: string) => void;\ninterface I { f(secret: string): void }\n"
    assert keys(tmp_path, code + "declare const secret: any;\nsecret('A')") == ["A"]


@pytest.mark.parametrize(
    ("exporting", "importing"),
    [
        (f"export {{ secret }} from {FROM}", "import { secret } from '../lib/s'"),
        (f"export {{ secret as x }} from {FROM}", "import { x as secret } from '../lib/s.js'"),
        (NAMED + "export { secret as default }", "import secret from '../lib/s'"),
        (NAMED + "export default secret", "import secret from '../lib/s'"),
        (NAMED + "export const own = secret", "import { own as secret } from '../lib/s'"),
        (f"export * from {FROM}", "import { secret } from '../lib/s'"),
        (f"export * as be from {FROM}", "import { be } from '../lib/s'; const { secret } = be"),
        (f"export * from {FROM}", "import * as all from '../lib/s'; const secret = all.secret"),
    ],
)
def test_re_exports(tmp_path: Path, exporting: str, importing: str) -> None:
    files = {"amplify/lib/s.ts": exporting, RESOURCE: f"{importing}\nsecret('A')"}
    assert needed(scanned(tmp_path, files), "secret") == {"A": f"{RESOURCE}:2"}


def test_re_exports_of_a_folder(tmp_path: Path) -> None:
    files = {
        "amplify/lib/index.ts": "export * from './deep'",
        "amplify/lib/deep.ts": f"export {{ secret as s }} from {FROM}",
        RESOURCE: "import { s } from '../lib';\ns('A')",
    }
    assert needed(scanned(tmp_path, files), "secret") == {"A": f"{RESOURCE}:2"}


def test_constants_of_another_file(tmp_path: Path) -> None:
    code = NAMED + "import { KEY } from '../keys';\nsecret(KEY)"
    project = scanned(tmp_path, {"amplify/keys.ts": "export const KEY = 'A'", RESOURCE: code})
    assert needed(project, "secret") == {"A": f"{RESOURCE}:3"}


def test_exports_in_a_circle(tmp_path: Path) -> None:
    files = {f"amplify/f{n}.ts": "" for n in range(60)}
    circle = "".join(f"export * from './f{n}';\n" for n in range(60))
    use = "import { secret } from './f0'; secret('A'); // @aws-amplify/backend\n"
    project = scanned(tmp_path, dict.fromkeys(files, circle + use))
    assert (project.uses, project.unclear) == ({}, [])


def test_markup(tmp_path: Path) -> None:
    code = NAMED + "const page = <div title={secret('A')}>secret('B')</div>"
    assert keys(tmp_path, code, "amplify/page.tsx") == ["A"]
