"""Where lines that are inserted into a build write the application's file."""

import pytest

from envvars_app.buildspec.inserting import BuildPhase, build_phases
from tests.envvars_app.buildspec.texts import INTO_A_FOLDER, with_commands

UP_FROM_A_FOLDER = """\
version: 1
applications:
  - appRoot: apps/shop
    frontend:
      phases:
        preBuild:
          commands:
            - cd ../.. && pnpm install
        build:
          commands:
            - pnpm turbo run build --filter=shop
      artifacts: {baseDirectory: .next, files: ['**/*']}
"""


def phase(text: str) -> BuildPhase:
    [found] = build_phases(text)
    return found


def test_it_works() -> None:
    found = phase(INTO_A_FOLDER)
    assert (found.folder, found.moves) == ("frontend", ("cd frontend", "cd .."))
    found = phase(UP_FROM_A_FOLDER)
    assert (found.folder, found.moves) == ("apps/shop", ("cd ../..",))
    assert phase(INTO_A_FOLDER.replace("\n", "\r\n")).folder == "frontend"


@pytest.mark.parametrize(
    ("before", "build", "output", "folder"),
    [
        (["npm ci"], ["npm run build"], "dist", ""),
        (["cd web", "npm ci"], ["npm run build"], "web/dist", ""),
        (["cd web && npm ci"], ["npm run build"], "web/dist", ""),
        ([], ["cd web", "npm run build"], "web/dist", ""),
        ([], ["cd ./web/ && yarn build"], "web/build", "web"),
        ([], ["cd web\nnpm ci\nnpm run build\n"], "web/dist", "web"),
        ([], ["(cd web && npm run build)"], "web/dist", "web"),
        (["(cd web && npm ci)"], ["npm run build --prefix web"], "web/dist", "web"),
        (["npm --prefix web ci"], ["npm --prefix=web run build"], "web/dist", "web"),
        ([], ["yarn --cwd web build"], "web/build", "web"),
        ([], ["pnpm -C web build"], "web/dist", "web"),
        ([], ["pnpm --dir web run build"], "web/dist", "web"),
        (["pushd web", "npm ci", "popd"], ["npm run build"], "dist", ""),
        (["cd web", "npm ci", "cd -"], ["cd web; npm run build"], "web/dist", "web"),
        (["cd api && npm ci"], ["cd ../web && npm run build"], "web/dist", "../web"),
        (["HERE=$(pwd)", "cd /tmp", "curl x", "cd $HERE"], ["npm run build"], "dist", ""),
        (["cd /tmp && ls", "cd $CODEBUILD_SRC_DIR/web"], ["npm run build"], "web/dist", ""),
        (["cd web"], ["cd $(git rev-parse --show-toplevel)", "npm run build"], "dist", ""),
        (["npm ci"], ["npm run build -w apps/web"], "apps/web/dist", "apps/web"),
        (["pnpm i"], ["pnpm --filter web build"], "apps/web/.next", "apps/web"),
        (["npm ci"], ["npx nx build shop"], "dist/apps/shop/browser", ""),
        (["bash -c 'cd web && npm ci'"], ["npm run build"], "dist", ""),
        (["mkdir -p build && cd web"], ["npm run build"], "web/dist", ""),
        (["if [ -d web ]; then cd web; fi"], ["npm run build"], "web/dist", ""),
        (["cd $DIR"], ["npm run build"], "dist", None),
        (["cd"], ["npm run build"], "dist", None),
        ([], ["cd 'my app' && npm run build"], "dist", None),
        (["cd ../other"], ["npm run build"], "dist", None),
    ],
)
def test_a_single_application(
    before: list[str], build: list[str], output: str, folder: str | None
) -> None:
    assert phase(with_commands(*build, before=before, output=output)).folder == folder


@pytest.mark.parametrize(
    ("before", "build", "more", "folder"),
    [
        (["npm ci"], ["npm run build"], "", ""),
        (["cd ../..", "npm ci", "cd apps/shop"], ["npm run build"], "", ""),
        (["(cd ../.. && yarn)"], ["yarn build"], "", ""),
        (["cd ..", "npm ci"], ["npm run build -w shop"], "", "shop"),
        ([], ["cd ../.. && npx turbo run build"], "", ""),
        ([], ["cd ../..", "npx turbo run build"], "", "apps/shop"),
        (["npm ci"], ["npm run build -w shop"], "  buildPath: /\n", "apps/shop"),
        (["npm ci"], ["npm run build -w shop"], "  buildpath: '/'\n", "apps/shop"),
        (["cd apps/shop"], ["npm run build"], "  buildPath: /\n", ""),
        (["cd packages/ui && npm run build"], ["npm run build"], "", "../.."),
    ],
)
def test_an_application_of_a_monorepo(
    before: list[str], build: list[str], more: str, folder: str
) -> None:
    text = with_commands(*build, before=before, app_root="apps/shop", more=more)
    assert phase(text).folder == folder


def test_the_folder_of_the_backend_is_kept() -> None:
    text = with_commands("cd .. && npm run build")
    found = phase(f"{text}backend: {{phases: {{build: {{commands: [cd amplify]}}}}}}\n")
    assert (found.folder, found.moves) == ("..", ("cd amplify", "cd .."))


def test_the_build_path_of_a_single_application() -> None:
    assert phase(with_commands("npm run build", more="  buildPath: web\n")).folder == ""
