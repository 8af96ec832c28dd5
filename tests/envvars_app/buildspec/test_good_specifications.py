"""Specifications as people write them for many frameworks: nothing is wrong with them."""

import pytest

from envvars_app.buildspec import DEFAULT
from envvars_app.buildspec.checking import check
from envvars_app.buildspec.inserting import insert
from envvars_app.buildspec.recipes import RECIPES, commands_for

GOOD = {
    "default": DEFAULT,
    "npm": """\
version: 1
frontend:
  phases:
    preBuild:
      commands:
        - nvm use 20
        - export NODE_OPTIONS="--max-old-space-size=4096"
        - npm ci --cache .npm --prefer-offline
    build:
      commands:
        - env | grep -e ^API_URL= -e ^NEXT_PUBLIC_ >> .env.production
        - npm run build
  artifacts:
    baseDirectory: .next
    files: ['**/*']
  cache:
    paths: [.next/cache/**/*, .npm/**/*]
""",
    "pnpm workspace": """\
version: 1
applications:
  - frontend:
      buildPath: /
      phases:
        preBuild:
          commands:
            - npm install -g pnpm@9
            - corepack enable
            - pnpm config set store-dir .pnpm-store
            - echo "node-linker=hoisted" > .npmrc
            - pnpm install --frozen-lockfile
        build:
          commands:
            - pnpm turbo run build --filter=@acme/web...
      artifacts: {baseDirectory: apps/web/.next, files: ['**/*']}
      cache:
        paths: [.pnpm-store/**/*, node_modules/**/*, $(pnpm store path)]
    appRoot: apps/web
""",
    "yarn, several applications": """\
version: 1.0
applications:
  - appRoot: packages/site
    env: {variables: {CI: 'true'}}
    frontend:
      phases:
        preBuild: {commands: [(cd ../.. && yarn install --immutable)]}
        build: {commands: [yarn build]}
      artifacts: {baseDirectory: build, files: ['**/*']}
      cache: {paths: [node_modules/**/*]}
  - appRoot: packages/admin
    frontend:
      phases:
        preBuild: {commands: ['cd ../.. && yarn && cd -']}
        build: {commands: [yarn build]}
      artifacts: {baseDirectory: dist, files: ['**/*']}
""",
    "backend with helpers": """\
version: 1
backend:
  phases:
    build:
      commands:
        - '# deploys the backend'
        - npm ci
        - npx ampx pipeline-deploy --branch $AWS_BRANCH --app-id $AWS_APP_ID
frontend:
  phases:
    build: {commands: [npm run build]}
  artifacts: {baseDirectory: dist, files: ['**/*']}
""",
    "flutter": """\
version: 1
frontend:
  phases:
    preBuild:
      commands:
        - git clone https://github.com/flutter/flutter.git -b stable --depth 1
        - export PATH="$PATH:$(pwd)/flutter/bin"
        - flutter config --no-analytics
    build:
      commands:
        - flutter pub get
        - flutter build web --release --dart-define=API_KEY=$API_KEY --dart-define=STAGE=$STAGE
  artifacts: {baseDirectory: build/web, files: ['**/*']}
  cache: {paths: [flutter/.pub-cache/**/*]}
""",
    "hugo, with a script": """\
version: 1
frontend:
  phases:
    preBuild:
      commands:
        - |
          set -euo pipefail
          VERSION=$(cat .hugo-version)
          curl -sSL "https://example.com/hugo_${VERSION}.tar.gz" | tar -xz
          for name in a b; do
            echo "theme $name"
          done
          if [ ! -d themes ]; then
            mkdir -p themes
          fi
    build: {commands: [./hugo --minify]}
  artifacts: {baseDirectory: public, files: ['**/*']}
  cache: {paths: []}
""",
    "static": """\
version: 1
frontend:
  phases:
    build:
      commands: []
  artifacts:
    baseDirectory: /
    files:
      - '**/*'
  cache:
    paths: []
""",
    "branches": """\
version: 1
frontend:
  phases:
    build:
      commands:
        - if [ "$AWS_BRANCH" = "main" ]; then npm run build:prod; else npm run build:dev; fi
        - test "$USER_BRANCH" = x || echo "Building $AWS_BRANCH ($AWS_COMMIT_ID)"
        - node -e "console.log('built')" && ls -la dist
    postBuild:
      commands:
        - aws s3 sync dist "s3://$BUCKET" --delete
        - 'curl -fsS -X POST -H "Authorization: Bearer $HOOK_TOKEN" "$HOOK_URL" > /dev/null'
  artifacts:
    baseDirectory: dist
    files: ['**/*']
    discard-paths: no
""",
    "test phase": """\
version: 1
frontend:
  phases: {build: {commands: [npm run build]}}
  artifacts: {baseDirectory: build, files: ['**/*']}
test:
  phases:
    preTest:
      commands:
        - npm ci
        - 'npm start & npx wait-on http://localhost:3000'
    test:
      commands:
        - 'npx cypress run --reporter mochawesome --reporter-options "reportDir=cypress/report"'
    postTest:
      commands:
        - npx mochawesome-merge cypress/report/mochawesome*.json > cypress/report/mochawesome.json
  artifacts:
    baseDirectory: cypress
    configFilePath: '**/mochawesome.json'
    files: ['**/*.png', '**/*.mp4']
""",
    "headers": """\
version: 1
frontend:
  phases: {build: {commands: [npx astro build]}}
  artifacts: {baseDirectory: /dist, files: ['**/*']}
  customHeaders:
    - pattern: '**/*'
      headers:
        - {key: Strict-Transport-Security, value: max-age=31536000; includeSubDomains}
        - {key: Content-Security-Policy, value: "default-src 'self'; img-src *"}
""",
    "private registry": """\
version: 1
frontend:
  phases:
    preBuild:
      commands:
        - echo "//registry.example.com/:_authToken=${NPM_TOKEN}" > .npmrc
        - npm config set @acme:registry https://registry.example.com
        - git config --global url."https://x:${GIT_TOKEN}@example.com/".insteadOf https://example.com/
        - npm ci
    build: {commands: [npm run build]}
  artifacts: {baseDirectory: dist, files: ['**/*']}
""",
    "file of variables": """\
version: 1
frontend:
  phases:
    build:
      commands:
        - echo "VITE_API_URL=$API_URL" >> .env
        - printf 'VITE_STAGE=%s\\n' "$STAGE" >> .env
        - cat .env.example >> .env
        - VITE_BUILD=$AWS_JOB_ID npm run build
  artifacts: {baseDirectory: dist, files: ['**/*']}
""",
    "python": """\
version: 1
frontend:
  phases:
    preBuild:
      commands:
        - python3 -m venv .venv
        - . .venv/bin/activate
        - pip install --upgrade pip mkdocs
    build: {commands: [mkdocs build]}
  artifacts: {baseDirectory: site, files: ['**/*']}
""",
}


@pytest.mark.parametrize("name", GOOD)
def test_it_works(name: str) -> None:
    assert check(GOOD[name]) == []


@pytest.mark.parametrize("name", GOOD)
def test_windows_line_endings(name: str) -> None:
    assert check(GOOD[name].replace("\n", "\r\n")) == []


@pytest.mark.parametrize("slug", RECIPES)
def test_lines_that_write_variables_to_a_file(slug: str) -> None:
    names = ["API_URL", "NPM_TOKEN", "DB_PASSWORD"]
    lines = commands_for(RECIPES[slug], names=names, prefix="VITE_", folder="web")
    assert check(insert(DEFAULT, "", lines)) == []
