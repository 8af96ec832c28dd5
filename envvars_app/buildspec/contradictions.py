"""Variables that contradict a build specification. The console holds both.

Source: Amplify Hosting user guide, "Configuring monorepo build settings": an application's appRoot
must have the same value as AMPLIFY_MONOREPO_APP_ROOT.
"""

import posixpath
from collections.abc import Collection, Iterator, Mapping

import yaml

from envvars_app.buildspec.reading import mapping_items, merged_items
from envvars_app.buildspec.shell.steps import applications, scalar_text

APP_ROOT, DIFF_DEPLOY, DIFF_ROOT = (
    "AMPLIFY_MONOREPO_APP_ROOT",
    "AMPLIFY_DIFF_DEPLOY",
    "AMPLIFY_DIFF_DEPLOY_ROOT",
)
Variables = Mapping[str, Collection[str]]


def own_variables(part: yaml.Node | Mapping[str, yaml.Node] | None) -> dict[str, yaml.Node]:
    """Return the variables that a document or an application sets in its `env`."""
    found = part if isinstance(part, Mapping) else dict(mapping_items(part))
    return dict(merged_items(dict(mapping_items(found.get("env"))).get("variables")))


def contradictions(root: yaml.Node | None, variables: Variables) -> Iterator[tuple[yaml.Node, str]]:
    """Yield each part of a specification that variables contradict, and what to do."""
    if not isinstance(root, yaml.MappingNode):
        return
    found = [application for application in applications(root) if application]
    several = "applications" in dict(mapping_items(root))
    roots = {
        scalar_text(application["appRoot"]): application["appRoot"]
        for application in found
        if several and "appRoot" in application
    }
    for value in sorted(variables.get(APP_ROOT, ())):
        yield from _unmatched_root(value, root, roots, several)
    if "true" in variables.get(DIFF_DEPLOY, ()):
        for value in sorted(variables.get(DIFF_ROOT, ())):
            yield from _unrelated_root(value, roots)
    yield from _other_values(own_variables(root), variables)
    for application in found if several else []:
        yield from _other_values(own_variables(application), variables)


def _unmatched_root(
    value: str, root: yaml.MappingNode, roots: Mapping[str, yaml.Node], several: bool
) -> Iterator[tuple[yaml.Node, str]]:
    if not value or value in roots:
        return
    name = f"The variable {APP_ROOT} is “{value[:100]}”"
    if not several:
        yield (
            root,
            f"{name}, so Amplify expects “applications” with that appRoot, and the build "
            "ends with an error without them. Write them, or remove the variable.",
        )
    for text, node in roots.items():
        if _plain(text) == _plain(value):
            yield (
                node,
                f"{name}, and this is “{text[:100]}”. Write both the same way: {_plain(value)}.",
            )
            return
    if roots:
        yield (
            next(iter(roots.values())),
            f"{name}, which matches no application here, so Amplify can't build. Change the "
            "variable or the appRoot.",
        )


def _unrelated_root(value: str, roots: Mapping[str, yaml.Node]) -> Iterator[tuple[yaml.Node, str]]:
    folder = _plain(value)
    related = [
        text
        for text in map(_plain, roots)
        if folder == "." or f"{text}/".startswith(f"{folder}/") or folder.startswith(f"{text}/")
    ]
    if roots and not related:
        yield (
            next(iter(roots.values())),
            f"The variable {DIFF_ROOT} is “{value[:100]}”, where no application is, so changes of "
            "an application start no build. Change the variable or the appRoot.",
        )


def _other_values(
    own: Mapping[str, yaml.Node], variables: Variables
) -> Iterator[tuple[yaml.Node, str]]:
    for key, node in own.items():
        values = variables.get(key, ())
        text = scalar_text(node)
        if values and text.strip("${}") != key and {*values} != {text}:
            yield (
                node,
                f"Environment variables also has “{key[:60]}”, with another value. Keep it in one "
                "of the two places.",
            )


def _plain(path: str) -> str:
    return posixpath.normpath(path.strip()).strip("/") or "."
