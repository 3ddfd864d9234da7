// usage: node run.mjs PYODIDE_DIR WHEEL SCRIPT [FOLDER]
// Runs the Python file SCRIPT in Pyodide with WHEEL unpacked; FOLDER, if given, is on sys.path too.
// The exit code is the script's variable `exit_code`, 0 without one, 1 after an exception.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

async function main([pyodideDir, wheel, script, folder]) {
  const { loadPyodide } = await import(pathToFileURL(path.join(pyodideDir, 'pyodide.mjs')));
  const python = await loadPyodide({ indexURL: pyodideDir + path.sep });
  python.unpackArchive(new Uint8Array(fs.readFileSync(wheel)), 'wheel');
  if (folder) {
    python.mountNodeFS('/extra', folder);
    python.runPython("import sys; sys.path.append('/extra')");
  }
  python.runPython(fs.readFileSync(script, 'utf8'), { filename: path.basename(script) });
  return Number(python.globals.get('exit_code') ?? 0);
}

let code = 1;
try {
  code = await main(process.argv.slice(2).map((each) => path.resolve(each)));
} catch (error) {
  // Left to Node, it would print the line that threw: the whole of pyodide.asm.mjs.
  console.log(String(error?.message ?? error));
}
process.exit(code);
