"""A project with twenty planted faults, and with what looks like a fault but is none.

Each line with a planted fault ends with the comment `fault: KEY`, in the file's language.
"""

import re

_FAULT = re.compile(r"fault: (\w+)")

FILES = {
    "amplify.yml": """\
version: 1
backend:
  phases:
    build:
      commands:
        - npm ci --cache .npm # $NOT_USED
        - npx ampx pipeline-deploy --branch $AWS_BRANCH --app-id $AWS_APP_ID
frontend:
  phases:
    preBuild:
      commands:
        - export COMMIT=${AWS_COMMIT_ID:0:7} STAGE=$STAGE_NAME # fault: STAGE_NAME
        - echo "_authToken=${NPM_TOKEN}" > .npmrc # fault: NPM_TOKEN
        - echo ${LEVEL:-info} $COMMIT '$QUOTED'
    build:
      commands:
        - |
          if [ -n "$SENTRY" ]; then echo on; fi
          curl -sf "$CDN_URL/manifest.json" # fault: CDN_URL
          for page in a b; do echo $page; done
        - npm run build
  artifacts:
    baseDirectory: dist
""",
    "branchkeep.toml": """\
[variables.BILLING_URL] # fault: BILLING_URL
description = "Where invoices are"

[secrets.WEBHOOK_KEY] # fault: WEBHOOK_KEY
required = ["dev", "release/*"]

[secrets.PRODUCTION_ONLY]
required = ["main"]
""",
    "amplify/auth/resource.ts": """\
import { defineAuth, secret as amplifySecret } from '@aws-amplify/backend';
import { KEYS, PREFIX } from '../keys';
import { s } from '../shared';

const GITHUB = 'GITHUB_SECRET' as const;
enum Names { Apple = 'APPLE_KEY' }

export const auth = defineAuth({
  loginWith: { externalProviders: {
    google: { clientSecret: amplifySecret('GOOGLE_SECRET') }, // fault: GOOGLE_SECRET
    github: { clientSecret: amplifySecret(GITHUB) }, // fault: GITHUB_SECRET
    apple: { privateKey: amplifySecret(Names.Apple) }, // fault: APPLE_KEY
    facebook: { clientSecret: s(`${PREFIX}_SECRET`) }, // fault: FACEBOOK_SECRET
    twitter: { clientSecret: s("HELD_SECRET") },
    any: { clientSecret: amplifySecret(process.env.WHICH ?? 'x') },
  } },
});
// amplifySecret('IN_A_COMMENT')
const text = "amplifySecret('IN_A_TEXT')";
""",
    "amplify/keys.ts": "export const KEYS = { a: 'A' };\nexport const PREFIX = 'FACEBOOK';\n",
    "amplify/shared.ts": "export { secret as s } from '@aws-amplify/backend';\n",
    "amplify/backend.ts": """\
import * as amplify from '@aws-amplify/backend';
import { secret } from './vault';
amplify.secret(/* the payments */ 'STRIPE_KEY'); // fault: STRIPE_KEY
secret('NOT_AMPLIFYS');
function own(amplify: { secret(key: string): string }) { return amplify.secret('SHADOWED') }
""",
    "amplify/vault.ts": "export function secret(key: string) { return key }\n",
    "amplify/hello/resource.ts": """\
import { defineFunction, secret } from '@aws-amplify/backend';
export const hello = defineFunction({
  environment: {
    GREETING: 'hello',
    TABLE: process.env.TABLE_NAME!, // fault: TABLE_NAME
    MAIL_KEY: secret('MAIL_KEY'), // fault: MAIL_KEY
  },
});
""",
    "amplify/hello/handler.ts": """\
export const handler = async () => [process.env.GREETING, process.env.TABLE, process.env.MAIL_KEY,
  process.env.AWS_REGION, process.env.NOT_GIVEN]; // fault: NOT_GIVEN
""",
    "src/config.ts": """\
const { API_URL, REGION: region = 'eu', ...rest } = process.env; // fault: API_URL
export const env = process.env;
export const debug = process.env.DEBUG_LEVEL === 'verbose';
export const search = process.env['SEARCH_HOST']; // fault: SEARCH_HOST
export const pick = (name: string) => process.env[name];
if (!process.env.FEATURE) console.log(`${process.env.NODE_ENV}`);
""",
    "src/App.tsx": """\
import { env } from './config';
export const App = () => <a href={import.meta.env.VITE_HELP_URL}>{ // fault: VITE_HELP_URL
  import.meta.env.DEV ? 'Help: process.env.IN_A_TEXT' : env.TITLE}</a>; // fault: TITLE
""",
    "src/Map.vue": """\
<script setup lang="ts">
const map = import.meta.env.VITE_MAP_KEY // fault: VITE_MAP_KEY
</script>
<template><p>import.meta.env.VITE_TEMPLATE</p></template>
""",
    "next.config.mjs": """\
process.env.BUILT_AT = new Date().toISOString();
const url = `https://${process.env.ASSET_HOST}/`; // fault: ASSET_HOST
const held = process.env.HELD_URL, built = process.env.BUILT_AT;
""",
    "server.cjs": """\
const { env } = require('node:process');
listen(env.DB_HOST); // fault: DB_HOST
""",
    "src/config.test.ts": "test(process.env.IN_A_TEST);\n",
    "node_modules/x/index.js": "f(process.env.IN_A_PACKAGE);\n",
    "dist/main.js": "f(process.env.IN_A_BUILD);\n",
    ".env.production": "HELD_IN_GIT=1\n",
    "src/git.ts": "f(process.env.HELD_IN_GIT);\n",
}


def planted_faults() -> dict[str, str]:
    """Return the place of each planted fault, by key."""
    return {
        key: f"{path}:{number}"
        for path, text in FILES.items()
        for number, line in enumerate(text.split("\n"), 1)
        for key in _FAULT.findall(line)
    }
