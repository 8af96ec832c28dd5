"""The environment variables of functions in Amplify Gen 1's team-provider-info.json."""

import json
from typing import Any

import pytest

from console.lib.documents import parse
from console.lib.documents.gen1 import environments, secret_paths
from console.lib.text.dotenv import Refused

FILE = """{
  "dev": {
    "awscloudformation": { "Region": "us-east-1", "AmplifyAppId": "d1shop" },
    "categories": {
      "auth": { "shop": { "userPoolId": "us-east-1_abc" } },
      "function": {
        "hello": {
          "deploymentBucketName": "amplify-shop-dev-deployment",
          "s3Key": "amplify-builds/hello-build.zip",
          "apiUrl": "https://dev.example.org",
          "s3Bucket": "shop",
          "level": "debug",
          "secretsPathAmplifyAppId": "d1gen1"
        },
        "mailSender": { "apiUrl": "https://mail.example.org", "level": "debug", "size": 5 }
      }
    }
  },
  "prod": { "awscloudformation": {}, "categories": { "function": { "hello": { "apiUrl": "p" } } } },
  "empty": { "awscloudformation": {} }
}
"""


def found(text: str, environment: str = "") -> dict[str, str]:
    """Return the values by key."""
    return {entry.key: entry.value for entry in parse(text, environment=environment)}


def test_it_works() -> None:
    assert environments(FILE) == ["dev", "prod", "empty"]
    assert found(FILE, "dev") == {
        "API_URL": "https://dev.example.org",
        "S3_BUCKET": "shop",
        "LEVEL": "debug",
        "MAIL_SENDER_API_URL": "https://mail.example.org",
    }
    assert [entry.line for entry in parse(FILE, environment="dev")] == [10, 11, 12, 15]
    assert found(FILE, "prod") == {"API_URL": "p"}
    assert found(FILE, "empty") == {}
    assert found("\ufeff" + FILE, "none") == found(FILE, "dev")
    assert secret_paths(FILE, "dev") == ["/amplify/d1gen1/dev/AMPLIFY_hello_"]
    assert secret_paths(FILE, "prod") == secret_paths(FILE, "") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"awscloudformation": "x"}',
        '["awscloudformation"]',
        '{"dev": "awscloudformation"}',
        '{"dev": {"awscloudformation": {}}, "other": {}}',
        '{"dev": {"awscloudformation": {}}, "dev": {"awscloudformation": {}}}',
        '{"\\ud800": {"awscloudformation": {}}}',
        '{"dev": {"awscloudformation": ' + "[" * 100_000,
        '{"dev": {"awscloudformation": {}' + " " * 1_000_001 + "}}",
    ],
)
def test_other_texts(text: str) -> None:
    assert environments(text) == []


def file_with(functions: Any) -> str:
    """Return a file with these functions."""
    return json.dumps({"dev": {"awscloudformation": {}, "categories": {"function": functions}}})


def test_values_that_no_variable_can_hold() -> None:
    for parameters in ({"key": "\0"}, {"key": "\ud800"}, {"\ud800": "x"}):
        with pytest.raises(Refused):
            parse(file_with({"a": parameters}))


def test_parts_of_other_types() -> None:
    others: list[Any] = [[], "x", None, {"a": "x"}, {"a": []}, {"a": {"key": None, "other": {}}}]
    for functions in others:
        assert found(file_with(functions)) == {}
    wrong = {"a": {"secretsPathAmplifyAppId": {}}, "<b>": {"secretsPathAmplifyAppId": "d1"}}
    assert secret_paths(file_with(wrong), "dev") == []
    with pytest.raises(Refused, match="1,000 variables"):
        parse(file_with({"a": {f"key{n}": "x" for n in range(1_001)}}))


def test_escaped_names() -> None:
    """Such names aren't found, and nothing is looked for after the first: files have thousands."""
    text = file_with({"a": {"first": "1", "KEY": "2"}, "b": {"last": "3"}})
    text = text.replace(', "', ',\n"').replace('"KEY"', '"\\u004bEY"')
    assert [(it.key, it.line) for it in parse(text)] == [("FIRST", 2), ("KEY", 2), ("LAST", 2)]
