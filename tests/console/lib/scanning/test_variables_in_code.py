"""The variables that JavaScript and TypeScript read, and those that it sets itself."""

from pathlib import Path

import pytest

from tests.console.lib.scanning.project_folder import needed, scanned


def keys(tmp_path: Path, code: str, name: str = "src/main.ts") -> list[str]:
    """Return the variables that a file uses: "A?" is optional, "?" is known only when it runs."""
    project = scanned(tmp_path, {name: code})
    assert project.problems == []
    found = [f"{key}?" if at[-1] == "?" else key for key, at in needed(project, "variable").items()]
    return [*found, *("?" for noun, _ in project.unclear if noun == "variable")]


def test_it_works(tmp_path: Path) -> None:
    code = "const url = process.env.API_URL;\n\nexport default import.meta.env.TITLE;\n"
    project = scanned(tmp_path, {"src/main.ts": code})
    assert needed(project, "variable") == {
        "API_URL": "src/main.ts:1",
        "TITLE": "src/main.ts:3",
    }


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("f(process.env['A'])", ["A"]),
        ("f(process['env'].A)", ["A"]),
        ("f(process.env[`A`])", ["A"]),
        ("const K = 'A'; f(process.env[K])", ["A"]),
        ("f(process?.env?.A)", ["A"]),
        ("f(process.env.A!.length)", ["A"]),
        ("f((process.env as any).A)", ["A"]),
        ("f(globalThis.process.env.A)", ["A"]),
        ("f(`https://${process.env.A}/`)", ["A"]),
        ("const { A, B: b } = process.env", ["A", "B"]),
        ("const { 'A': a, ...rest } = process.env", ["A"]),
        ("const { A } = process.env as Record<string, string>", ["A"]),
        ("let A; ({ A } = process.env)", ["A"]),
        ("function f({ A } = process.env) {}", ["A"]),
        ("const { env } = process; f(env.A)", ["A"]),
        ("const env = process.env; f(env.A); const { B } = env", ["A", "B"]),
        ("let env; env = other; f(env.A) // process", []),
        ("import { env } from 'node:process'; f(env.A)", ["A"]),
        ("import process from 'process'; f(process.env.A)", ["A"]),
        ("import * as p from 'node:process'; f(p.env.A)", ["A"]),
        ("const { A } = import.meta.env", ["A"]),
        ("const env = import.meta.env; f(env.A)", ["A"]),
        ("import { loadEnv } from 'vite'; const e = loadEnv(mode, '.', ''); f(e.A)", ["A"]),
        ("import { A } from '$env/static/private'; f(A)", ["A"]),
        ("import { env } from '$env/dynamic/public'; f(env.A)", ["A"]),
    ],
    ids=str,
)
def test_ways_to_read(tmp_path: Path, code: str, expected: list[str]) -> None:
    assert sorted(keys(tmp_path, code)) == sorted(expected)


@pytest.mark.parametrize(
    "code",
    [
        "f(process.env.A ?? 'x')",
        "f(process.env.A || 'x')",
        "f((process.env.A as string) || 'x')",
        "f(process.env.A && 'x')",
        "f(other ?? process.env.A)",
        "f(process.env.A === 'true')",
        "f(!process.env.A)",
        "f(typeof process.env.A)",
        "f(process.env.A ? 1 : 2)",
        "if (process.env.A) f()",
        "if (!process.env.A) f()",
        "if (ok) { if (!process.env.A) { f() } throw new Error() }",
        "f(process.env.A?.trim())",
        "const { A = 'x' } = process.env",
        "const { A: a = 'x' } = process.env",
    ],
)
def test_uses_that_need_no_value(tmp_path: Path, code: str) -> None:
    assert keys(tmp_path, code) == ["A?"]


@pytest.mark.parametrize(
    "code",
    [
        "if (ok) f(process.env.A)",
        "f(ok ? process.env.A : 1)",
        "f(-process.env.A)",
        "f(list?.[process.env.A])",
        "f(process.env.A + 'x')",
        "if (!process.env.A) throw new Error()",
        "if (!ok || !(process.env.A)) { log(); throw new Error() }",
    ],
)
def test_uses_that_need_one(tmp_path: Path, code: str) -> None:
    assert keys(tmp_path, code) == ["A"]


@pytest.mark.parametrize(
    "code",
    [
        "f(process.env[name])",
        "const { [name]: a } = process.env",
        "f(process.env[`A_${name}`])",
        "for (const key of keys) f(process.env[key])",
    ],
)
def test_keys_that_only_show_when_the_code_runs(tmp_path: Path, code: str) -> None:
    assert keys(tmp_path, code) == ["?"]


@pytest.mark.parametrize(
    "code",
    [
        "// process.env.A",
        "f('process.env.A', `process.env.B`)",
        "f(other.env.A, process.argv.A, process.envs.A)",
        "function g(process) { f(process.env.A) }",
        "const process = { env: {} }; f(process.env.A)",
        "f(import.meta.env.MODE, import.meta.env.DEV, import.meta.url)",
        "const { PROD } = import.meta.env",
        "f(process.env, { ...process.env }, Object.keys(process.env))",
        "type T = typeof process.env.A",
    ],
)
def test_nothing_is_read(tmp_path: Path, code: str) -> None:
    assert keys(tmp_path, code) == []


@pytest.mark.parametrize(
    "code",
    [
        "process.env.A = 'x'",
        "process.env['A'] ??= 'x'",
        "(process.env as any).A = 1",
        "delete process.env.A",
    ],
)
def test_variables_that_code_sets(tmp_path: Path, code: str) -> None:
    project = scanned(tmp_path, {"next.config.mjs": code})
    assert (project.sets, project.uses) == ({"A"}, {})


def test_environment_of_a_function(tmp_path: Path) -> None:
    """A definition reads the build's variables. The function itself reads what it is given."""
    resource = """import { defineFunction, secret } from '@aws-amplify/backend';
export const hello = defineFunction({
  environment: { NAME: 'World', URL: process.env.URL, TOKEN: secret('TOKEN') },
});
"""
    backend = "import { defineBackend } from '@aws-amplify/backend';\nx.addEnvironment('MORE', y);"
    given = "f(process.env.files_BUCKET_NAME, process.env.AMPLIFY_AUTH_USERPOOL_ID);"
    handler = given + "f(process.env.NAME, process.env.URL, process.env.TOKEN, process.env.MORE);\n"
    project = scanned(
        tmp_path,
        {
            "amplify/hello/resource.ts": resource,
            "amplify/backend.ts": backend,
            "amplify/hello/handler.ts": handler + "f(process.env.FORGOTTEN)",
        },
    )
    assert needed(project, "secret") == {"TOKEN": "amplify/hello/resource.ts:3"}
    assert needed(project, "variable") == {
        "URL": "amplify/hello/resource.ts:3",
        "FORGOTTEN": "amplify/hello/handler.ts:2",
    }


@pytest.mark.parametrize("name", ["src/App.vue", "src/App.svelte", "src/App.astro"])
def test_components(tmp_path: Path, name: str) -> None:
    code = "<p>process.env.NO</p>\n<script setup lang='ts'>\nf(import.meta.env.VITE_A)\n</script>"
    project = scanned(tmp_path, {name: code})
    assert needed(project, "variable") == {"VITE_A": f"{name}:3"}


def test_frontmatter(tmp_path: Path) -> None:
    code = "---\nconst a = import.meta.env.A;\n---\n<p>import.meta.env.NO</p>\n"
    assert keys(tmp_path, code, "src/page.astro") == ["A"]


def test_exported_environment(tmp_path: Path) -> None:
    using = "import { env } from './env'; f(env.A)"
    files = {"src/env.ts": "export const env = process.env", "src/a.ts": using}
    assert needed(scanned(tmp_path, files), "variable") == {"A": "src/a.ts:1"}


def test_variables_of_dotenv_files(tmp_path: Path) -> None:
    files = {".env": "A=1\nexport B = 'x'\n# C=3\n", ".env.local": "D=4\n"}
    assert scanned(tmp_path, files).sets == {"A", "B"}
    assert scanned(tmp_path, {".gitignore": "# local\n.env*\n!.env.example\n"}).sets == set()
