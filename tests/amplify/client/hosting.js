// Values of self-managed hosting, as Amplify's own packages read and write them. The functions that
// packages don't export are what deployed code and the command line of @aws-blocks/hosting call.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { getHostingStorePrefixes, resolveStoreIdentifier } from "@aws-amplify/hosting/store-paths";
import { listValues, removeValue, setValue } from "./node_modules/@aws-blocks/hosting/dist/secret-cli.js";
import * as runtime from "./node_modules/@aws-blocks/hosting/dist/secret-runtime.js";
import * as names from "./node_modules/@aws-blocks/hosting/dist/secret.js";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "project-"));
process.on("exit", () => fs.rmSync(folder, { recursive: true }));

const inProject = (name, ask) => {
  fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name }));
  return ask(folder);
};

const prefixOf = (project, kind) => inProject(project, getHostingStorePrefixes)[`${kind}Prefix`];

const place = ({ project, kind, stage }) => ({ prefix: prefixOf(project, kind), stage });

// As wireManagedValue in secret-resolve.js gives a function its environment
const read = (scope, key) => {
  const options = { ...place(scope), store: names.storeForKind(scope.kind) };
  const variable = names.envVarNameForKind(scope.kind, key);
  process.env[variable] = names.secretStoreLocator(key, options);
  process.env[names.fallbackEnvVarName(variable)] = names.secretStoreLocator(key, { ...options, stage: undefined });
  runtime._resetSecretCache();
  return scope.kind === "secret" ? runtime.getSecret(key) : runtime.getConfig(key);
};

export const operations = {
  projects: (packages) => packages.map((name) => inProject(name, resolveStoreIdentifier)),
  readHosting: read,
  listHosting: (scope) => listValues(scope.kind, place(scope)),
  setHosting: (scope, key, value) => setValue(scope.kind, key, value, place(scope)),
  removeHosting: (scope, key) => removeValue(scope.kind, key, place(scope)),
};
