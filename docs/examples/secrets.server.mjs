// Read a branch's secrets from AWS Systems Manager Parameter Store, in code that runs on the server.
// Never import this file from a component that runs in the browser.
//
// SECRET_FOLDERS names the folders to read, separated by commas. The first one that has a name wins, so
// list the branch before All branches. The page "Server-rendered apps" in Branchkeep shows the line.

import { GetParametersByPathCommand, SSMClient } from "@aws-sdk/client-ssm";

const MAX_AGE = 5 * 60 * 1000; // milliseconds; a changed secret arrives after this time at the latest

const client = new SSMClient();
let cached = null;

/** Return one secret. Throws if neither folder has it. */
export async function secret(name) {
  const value = (await secrets()).get(name);
  if (value === undefined) throw new Error(`The secret ${name} is not set.`);
  return value;
}

/** Return all secrets by name. Parallel requests share one read, and a read that fails is repeated. */
export function secrets() {
  if (!cached || Date.now() - cached.at > MAX_AGE) {
    const read = { at: Date.now(), values: readFolders() };
    read.values.catch(() => {
      if (cached === read) cached = null;
    });
    cached = read;
  }
  return cached.values;
}

async function readFolders() {
  const folders = (process.env.SECRET_FOLDERS ?? "").split(",").filter(Boolean);
  if (folders.length === 0) throw new Error("SECRET_FOLDERS is not set.");
  const found = await Promise.all(folders.map(readFolder));
  return new Map(found.reverse().flat());
}

async function readFolder(folder) {
  const values = [];
  let NextToken;
  do {
    const page = await client.send(
      new GetParametersByPathCommand({ Path: folder, WithDecryption: true, NextToken }),
    );
    for (const { Name, Value } of page.Parameters) values.push([Name.slice(folder.length + 1), Value]);
    NextToken = page.NextToken;
  } while (NextToken);
  return values;
}
