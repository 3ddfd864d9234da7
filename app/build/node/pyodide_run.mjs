// Runs Pyodide under Node with a folder of this machine mounted at /work. It reads paths of Python files from standard
// input, one a line, runs each file with fresh globals, and answers with one line of JSON: {} or {error}.
// usage: node pyodide_run.mjs PYODIDE_FOLDER MOUNTED_FOLDER
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [, , pyodideFolder, mounted] = process.argv;
globalThis.XMLHttpRequest ??= class XMLHttpRequest {}; // Panel's module for Pyodide imports the name
const { loadPyodide } = await import(pathToFileURL(resolve(pyodideFolder, "pyodide.mjs")).href);
const python = await loadPyodide({
  indexURL: resolve(pyodideFolder) + "/",
  stdout: console.error,
  // The fixed hash seed keeps the order of sets in byte code the same in every build.
  env: { HOME: "/home/pyodide", PANEL_CDN_ROOT: "./", PYTHONHASHSEED: "0" },
});
python.FS.mkdir("/work");
python.mountNodeFS("/work", resolve(mounted));
for await (const file of createInterface({ input: process.stdin })) {
  let answer = {};
  try {
    await python.runPythonAsync(readFileSync(file, "utf8"), { globals: python.toPy({ __name__: "__main__" }) });
  } catch (error) {
    answer = { error: String(error.message) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
process.exit(0);
