"""Variables that nobody has to set: Amplify, CI, Lambda, Node.js and the shell set or read them.

Sources: Amplify Hosting user guide, "Amplify environment variable reference"; CodeBuild user guide,
"Environment variables in build environments"; Lambda developer guide, "Defined runtime environment
variables"; GitHub Actions, "Default environment variables"; Node.js, "Environment variables";
Amplify, "Grant access to other resources" (functions).
"""

import re

# Nobody can set a variable that begins with AWS_ in Amplify. npm sets npm_… for its scripts.
_PREFIXES = ("AWS_", "CODEBUILD_", "LAMBDA_", "GITHUB_", "RUNNER_", "npm_", "NPM_CONFIG_", "LC_")
_AMPLIFY = {
    *("_BUILD_TIMEOUT", "_LIVE_UPDATES", "_CUSTOM_IMAGE", "USER_DISABLE_TESTS", "USER_BRANCH"),
    *("AMPLIFY_DIFF_DEPLOY", "AMPLIFY_DIFF_DEPLOY_ROOT", "AMPLIFY_DIFF_BACKEND"),
    *("AMPLIFY_BACKEND_PULL_ONLY", "AMPLIFY_BACKEND_APP_ID", "AMPLIFY_SKIP_BACKEND_BUILD"),
    *("AMPLIFY_ENABLE_DEBUG_OUTPUT", "AMPLIFY_MONOREPO_APP_ROOT", "AMPLIFY_USERPOOL_ID"),
    *("AMPLIFY_WEBCLIENT_ID", "AMPLIFY_NATIVECLIENT_ID", "AMPLIFY_IDENTITYPOOL_ID"),
    *("AMPLIFY_SSM_ENV_CONFIG", "AMPLIFY_DATA_DEFAULT_NAME", "secrets"),
}
_RUNTIMES = {
    *("NODE_ENV", "NODE_OPTIONS", "NODE_PATH", "NODE_DEBUG", "NODE_EXTRA_CA_CERTS"),
    *("NODE_VERSION", "NO_COLOR", "FORCE_COLOR", "DEBUG", "PORT", "HOST", "HOSTNAME", "TZ", "CI"),
    *("NEXT_RUNTIME", "NEXT_PHASE", "NEXT_TELEMETRY_DISABLED", "VITEST", "JEST_WORKER_ID"),
    *("ANALYZE", "_HANDLER", "_X_AMZN_TRACE_ID", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
}
_SHELL = {
    *("HOME", "PATH", "PWD", "OLDPWD", "LANG", "LANGUAGE", "SHELL", "TERM", "USER", "LOGNAME"),
    *("IFS", "OPTIND", "OPTARG", "SHLVL", "TMPDIR", "TEMP", "TMP", "HOSTTYPE", "OSTYPE"),
    *("RANDOM", "SECONDS", "LINENO", "EUID", "UID", "PPID", "BASHPID", "BASH_SOURCE", "BASH"),
    *("BASH_VERSION", "FUNCNAME", "PIPESTATUS", "EPOCHSECONDS", "EPOCHREALTIME", "REPLY", "_"),
    *("NVM_DIR", "EDITOR", "DISPLAY", "APPDATA", "USERPROFILE"),
}
_NAMES = _AMPLIFY | _RUNTIMES | _SHELL
_PROMPT = re.compile(r"PS[0-4]")


def is_builtin(key: str) -> bool:
    """Return True if a variable of this name needs no value in Branchkeep."""
    return key.startswith(_PREFIXES) or key in _NAMES or _PROMPT.fullmatch(key) is not None


def is_given_to_function(key: str) -> bool:
    """Return True if Amplify sets this variable for a function that may use a resource."""
    return key.startswith("AMPLIFY_") or key.endswith("_BUCKET_NAME")
