"""Commands that write the whole environment, print a secret, or contain one."""

import pytest

from envvars_app.buildspec.checking import Severity, check
from tests.envvars_app.buildspec.texts import of_commands

DUMP = """\
version: 1
frontend:
  phases:
    preBuild:
      commands:
        - npm ci
        - echo "$(printenv)" > .env
    build:
      commands: [npm run build]
  artifacts: {baseDirectory: .next, files: ['**/*']}
"""
SECRETS = """\
version: 1
frontend:
  phases:
    preBuild:
      commands:
        - echo //registry.example.com/:_authToken=$NPM_TOKEN > .npmrc
        - echo "token is $NPM_TOKEN"
        - export DB_PASSWORD=hunter2hunter2
        - aws s3 cp x s3://b --profile $DEPLOY
    build: {commands: [npm run build]}
  artifacts: {baseDirectory: dist, files: ['**/*']}
"""


def test_it_works() -> None:
    [problem] = check(DUMP)
    assert (problem.line, problem.severity) == (7, Severity.WARNING)
    assert "all of the build's environment, its AWS credentials included, to .env." in (
        problem.message
    )
    shown, literal = check(SECRETS)
    assert (shown.line, literal.line) == (7, 8)
    assert "The build log shows NPM_TOKEN" in shown.message
    assert "The value of DB_PASSWORD, which looks like a secret, is in the text." in literal.message
    assert "hunter2" not in literal.message


@pytest.mark.parametrize(
    "command",
    [
        "printenv > .env",
        "printenv >> .env.production",
        "env > .env",
        "env >.env",
        "env | sort > .env",
        "env | tee .env",
        "printenv | tee -a .env > /dev/null",
        "/usr/bin/env > .env",
        "env | grep -v npm_ > .env",
        "env | grep = > .env",
        "env | grep -v '^_' | sort >> .env",
        "env | sed 's/^/export /' > .envrc",
        "env | awk '{print}' > .env",
        "export -p > vars.sh",
        "declare -px > vars.sh",
        "set > vars.sh",
        "cat <(env) > .env",
        "echo `env` > .env",
        'printf "%s" "$(env)" > .env',
        "cat /proc/self/environ > .env",
        "cp /proc/self/environ .env",
        "sh -c env > .env",
        "bash -c 'env > .env'",
        "npm ci && printenv > .env && npm run build",
        "cat <<EOF > .env\n$(env)\nEOF\n",
        "env | base64 > env.txt",
        "(env) > .env",
        "{ echo A=1; env; } > .env",
        "(env | sort) | tee .env",
        "sudo env > .env",
        "command printenv > .env",
        "node -p 'JSON.stringify(process.env)' > env.json",
        "node -e 'fs.writeFileSync(\".env\", JSON.stringify(process.env, null, 2))'",
        "python3 -c 'import os, json; print(json.dumps(dict(os.environ)))' > env.json",
    ],
)
def test_dumps_into_a_file(command: str) -> None:
    problems = of_commands(command)
    assert ["all of the build's environment" in problem.message for problem in problems] == [True]
    assert "the build log" not in problems[0].message


@pytest.mark.parametrize("pattern", ["KEY", "AWS_", "-i secret", "-E '^(AWS|VITE)_'", "-e TOKEN"])
def test_patterns_that_match_the_credentials(pattern: str) -> None:
    [problem] = of_commands(f"env | grep {pattern} >> .env")
    assert "AWS credentials" in problem.message


@pytest.mark.parametrize("command", ["printenv", "env", "env | sort", "export -p", "set", "env -0"])
def test_dumps_into_the_log(command: str) -> None:
    [problem] = of_commands(command)
    assert "all of the build's environment, its AWS credentials included, to the build log" in (
        problem.message
    )


@pytest.mark.parametrize(
    "command",
    [
        "env | grep -e ^API_URL= -e ^NEXT_PUBLIC_ >> .env.production",
        "env | grep -E '^(VITE|NEXT_PUBLIC)_' > .env",
        "env | grep REACT_APP_ > .env",
        "env | grep '^VITE_' | sort >> .env",
        "printenv | grep VITE_ >> .env",
        "env | awk '/^VITE_/' > .env",
        "env | sed -n '/^VITE_/p' > .env",
        "env | grep -q VITE_ && echo yes",
        "env | wc -l",
        "env | cut -d= -f1",
        "printenv API_URL > .env",
        "env A=1 npm run build",
        "env -i PATH=$PATH npm run build",
        "export A=1",
        "set -e",
        "set -euo pipefail",
        "envsubst < a > b",
        "env > /dev/null",
        'V=$(env | grep -c VITE_); echo "$V"',
        "node -p 'JSON.stringify(process.env, [\"API_URL\"], 2)' > env.json",
        "npx env-cmd -f .env npm run build",
    ],
)
def test_chosen_variables(command: str) -> None:
    assert of_commands(command) == []


@pytest.mark.parametrize(
    "command",
    [
        'echo "$NPM_TOKEN"',
        "echo ${DB_PASSWORD}",
        "echo $API_KEY | tee key.txt",
        "printf '%s' \"$CLIENT_SECRET\"",
        'echo "key: ${API_KEY:-none}" >&2',
        "printenv NPM_TOKEN",
        "echo $SIGNING_KEY",
        'if [ -n "$X" ]; then echo "$NPM_TOKEN"; fi',
        "npm ci && echo using $GITHUB_TOKEN",
        "bash -c 'echo $NPM_TOKEN'",
    ],
)
def test_secrets_in_the_log(command: str) -> None:
    problems = of_commands(command)
    assert ["The build log shows " in problem.message for problem in problems] == [True]


@pytest.mark.parametrize(
    "command",
    [
        "echo //registry.example.com/:_authToken=$NPM_TOKEN > .npmrc",
        'echo "//r.example.com/:_authToken=${NPM_TOKEN}" >> ~/.npmrc',
        'echo "$KEY_JSON_SECRET" | base64 -d > key.json',
        "echo $REGISTRY_PASSWORD | docker login -u me --password-stdin",
        'echo "Firebase key: $NEXT_PUBLIC_FIREBASE_API_KEY"',
        'echo "set: ${NPM_TOKEN:+yes}"',
        'echo "length: ${#NPM_TOKEN}"',
        "echo '$NPM_TOKEN'",
        'echo "Building $AWS_BRANCH"',
        'export NPM_TOKEN="$TOKEN"',
        'curl -H "Authorization: Bearer $API_TOKEN" https://x.example.com',
        "git clone https://x-access-token:$GITHUB_TOKEN@example.com/a.git",
        "git config url.https://oauth2:${TOKEN}@example.com.insteadOf https://example.com",
        "./deploy --password $PASSWORD --token=$TOKEN",
        "aws s3 cp x s3://b --profile $DEPLOY",
        'echo "Fetching the token: please wait"',
        'echo "API_KEY=$API_KEY" >> .env',
        "export GENERATE_SOURCEMAP=false SKIP_TOKEN=true",
        "export TOKEN_FILE=./token.txt SECRET_NAME=shop/db API_KEY_ID=abcdefgh",
        "export CACHE_KEY=v1-dependencies-2024 APP_KEY=my-application",
        'echo "cache $CACHE_KEY, secret $SECRET_NAME, $TOKEN_FILE"',
        'export NODE_OPTIONS="--max-old-space-size=4096"',
        "git checkout 3f786850e387550fdab836ed7e6dc881de23001b",
        "npm install sharp@^0.33.5 typescript@^5.5.4",
        "npm config set //r.example.com/:_authToken $NPM_TOKEN",
        "aws secretsmanager get-secret-value --secret-id shop/db --query SecretString",
        "aws ssm get-parameter --name /shop/api-key --with-decryption > key.json",
        "npx dotenv-vault@latest pull --key-file key.pem",
    ],
)
def test_secrets_that_stay_in_the_environment(command: str) -> None:
    assert of_commands(command) == []


@pytest.mark.parametrize(
    "command",
    [
        "DB_PASSWORD=hunter2hunter2 npm run migrate",
        "export API_KEY='abcdef123456'",
        "export SIGNING_KEY=abcdef",
        "export STRIPE_KEY=abcdef123456",
        'export CLIENT_SECRET="s3cr3t-value"',
        'echo "DB_PASSWORD=hunter2" >> .env',
        "printf 'API_TOKEN=abc123\\n' > .env",
        "cat <<EOF > .env\nA=1\nDB_PASSWORD=hunter2\nEOF\n",
        "./deploy --password hunter2",
        "./deploy --token=abc123def",
        "sentry-cli --auth-token abc123def releases new",
        "npm config set //r.example.com/:_authToken abc123def456",
        "aws configure set aws_secret_access_key abcdEFGH1234",
        "curl -u admin:hunter2 https://x.example.com",
        'curl -H "Authorization: Bearer abc123def456" https://x.example.com',
        'curl -d \'{"password": "hunter2"}\' https://x.example.com',
        "echo //r.example.com/:_authToken=abc123def456 > .npmrc",
        "flutter build web --dart-define=API_SECRET=abc123",
        "npm ci && export DB_PASSWORD=hunter2",
        "bash -c 'export DB_PASSWORD=hunter2; npm run build'",
    ],
)
def test_secrets_in_the_text(command: str) -> None:
    problems = of_commands(command)
    assert ["is in the text" in problem.message for problem in problems] == [True], problems
    assert "hunter2" not in problems[0].message


def test_hard_patterns_are_not_tried() -> None:
    """Not timed: the pattern would take longer than the test may run."""
    assert of_commands(r"env | grep -E '((\w+)+)+!' > .env") == []
    assert of_commands("env | grep -E '" + r"\w*" * 40 + "!' > .env") == []
