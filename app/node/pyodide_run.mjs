// Runs a Python file in Pyodide under Node, with a folder of this machine mounted at /work.
// usage: node pyodide_run.mjs PYODIDE_FOLDER MOUNTED_FOLDER FILE.py
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [, , pyodideFolder, mounted, file] = process.argv;
globalThis.XMLHttpRequest ??= class XMLHttpRequest {}; // Panel's module for Pyodide imports the name
const { loadPyodide } = await import(pathToFileURL(resolve(pyodideFolder, "pyodide.mjs")).href);
const python = await loadPyodide({ indexURL: resolve(pyodideFolder) + "/", env: { HOME: "/home/pyodide", PANEL_CDN_ROOT: "./" } });
python.FS.mkdir("/work");
python.mountNodeFS("/work", resolve(mounted));
try {
  await python.runPythonAsync(readFileSync(file, "utf8"));
  process.exit(0);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
