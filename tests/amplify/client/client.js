// Answer each line, JSON of [operation, ...inputs], with what Amplify's own packages return.
import { createInterface } from "node:readline";
import { getSecretClient } from "@aws-amplify/backend-secret";
import { PackageJsonReader, ParameterPathConversions } from "@aws-amplify/platform-core";
// A backend's deployment runs this function. The package doesn't export it.
import { handleCreateUpdateEvent } from "./node_modules/@aws-amplify/backend/lib/engine/backend-secret/lambda/backend_secret_fetcher.js";
import { operations as hosting } from "./hosting.js";

console.log = console.error; // lines of standard output are answers
const client = getSecretClient();
const operations = {
  getSecret: client.getSecret,
  listSecrets: client.listSecrets,
  setSecret: client.setSecret,
  removeSecret: client.removeSecret,
  removeSecrets: client.removeSecrets,
  deploy: (backend, names) =>
    handleCreateUpdateEvent(client, { ResourceProperties: { ...backend, secretNames: names } }),
  folders: (identifiers) => identifiers.map((it) => ParameterPathConversions.toParameterPrefix(it)),
  project: (file) => new PackageJsonReader().read(file).name,
  ...hosting,
};

const answer = async ([operation, ...inputs]) => {
  try {
    return { result: (await operations[operation](...inputs)) ?? null };
  } catch (error) {
    return { error: `${error.cause?.name ?? error.name}: ${error.message}` };
  }
};

// Some line readers also split at U+2028.
const ascii = (json) =>
  json.replace(/[^ -~]/g, (sign) => "\\u" + sign.charCodeAt(0).toString(16).padStart(4, "0"));

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(ascii(JSON.stringify(await answer(JSON.parse(line)))) + "\n");
}
