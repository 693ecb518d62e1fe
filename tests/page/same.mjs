// Whether the scripts that are sent are, but for comments and blanks, those in the source: TypeScript prints both anew.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [typescript, source, sent] = process.argv.slice(2);
const ts = createRequire(import.meta.url)(join(typescript, "..", "..", "lib", "typescript.js"));
const compilerOptions = { allowJs: true, removeComments: true, target: ts.ScriptTarget.ESNext };
const printed = (folder, fileName) =>
  ts.transpileModule(readFileSync(join(folder, fileName), "utf8"), { fileName, compilerOptions }).outputText;

const names = readdirSync(source).filter((name) => name.endsWith(".js"));
assert.ok(names.length > 30);
for (const name of names) assert.equal(printed(sent, name), printed(source, name), name);
console.log("all are the same");
