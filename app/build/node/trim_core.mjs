// Removes the parts of Pyodide's core that this site cannot reach. The published core has all of Emscripten's library
// (SDL, WebGL, sockets) and 8,000 exports for packages that might be loaded; this site knows its packages. It keeps the
// names that the loader, the lab's scripts and the compiled modules use, and everything that these need.
// usage: node trim_core.mjs NODE_MODULES OUT CALLING_SCRIPT... -- COMPILED_MODULE...
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [nodeModules, out, ...inputs] = process.argv.slice(2);
const [callers, modules] = [inputs.slice(0, inputs.indexOf("--")), inputs.slice(inputs.indexOf("--") + 1)];
const require = createRequire(join(nodeModules, "package.json"));
const { parse } = require("acorn");
const { fullAncestor, simple } = require("acorn-walk");
const { minify } = require("terser");
const { default: binaryen } = await import(pathToFileURL(join(nodeModules, "binaryen/index.js")).href);

const pyodide = join(nodeModules, "pyodide");
const glue = readFileSync(join(pyodide, "pyodide.asm.mjs"), "utf8");
const core = readFileSync(join(pyodide, "pyodide.asm.wasm"));

const importsOf = (bytes) => WebAssembly.Module.imports(new WebAssembly.Module(bytes));
const names = (entries) => new Set(entries.map(({ name }) => name));

/** The names that compiled modules import from the core. */
const linked = names(modules.flatMap((path) => importsOf(readFileSync(path))));

/** Every word in the scripts that call the core: a superset of the names that they use of its `Module`. */
const words = new Set(callers.flatMap((path) => readFileSync(path, "utf8").match(/[\w$]+/g) ?? []));

const isMemberOf = (name, node) =>
  node.type === "MemberExpression" && node.object.name === name && (!node.computed || node.property.type === "Literal");
const memberName = ({ computed, property }) => (computed ? property.value : property.name);

/**
 * Returns the JavaScript glue without unused names; `wanted` are the imports of the WebAssembly core it belongs to.
 * Terser then drops the functions that nothing refers to any more.
 */
async function shaken(wanted) {
  const asked = (name) => wanted.has(name) || linked.has(name);
  const tree = parse(glue, { ecmaVersion: "latest", sourceType: "module" });
  const cuts = [];
  const read = new Set();
  const assigned = []; // Module["name"] = value
  const signatures = []; // value.sig = "…"
  let imports;
  fullAncestor(tree, (node, _, ancestors) => {
    const [parent, above] = [ancestors.at(-2), ancestors.at(-3)];
    const isTarget = parent?.type === "AssignmentExpression" && parent.left === node && parent.operator === "=";
    if (isMemberOf("Module", node)) isTarget ? assigned.push([memberName(node), parent, above]) : read.add(memberName(node));
    else if (isTarget && node.type === "MemberExpression" && node.property.name === "sig") signatures.push([node.object.name, above]);
    else if (node.type === "VariableDeclarator" && node.id.name === "wasmImports") imports = node.init.properties;
  });
  for (const [name, assignment, above] of assigned) {
    const { type, object } = assignment.right;
    const plain = type === "Identifier" || object?.name === "wasmExports";
    const known = read.has(name) || words.has(name) || name.startsWith("dynCall") || linked.has(name.replace(/^_/, ""));
    if (!plain || known) continue;
    if (above.type === "ExpressionStatement") cuts.push([above.start, above.end]);
    else cuts.push([assignment.start, assignment.right.start]); // within _name = Module["_name"] = …
  }
  const functions = new Set();
  for (const { key, value, start, end } of imports) {
    if (asked(key.name ?? key.value)) functions.add(value.name);
    else cuts.push([start, glue[end] === "," ? end + 1 : end]);
  }
  for (const [name, statement] of signatures)
    if (statement.type === "ExpressionStatement" && !functions.has(name)) cuts.push([statement.start, statement.end]);
  let [source, at] = ["", 0];
  for (const [start, end] of cuts.sort(([a], [b]) => a - b)) {
    source += glue.slice(at, start);
    at = end;
  }
  source += glue.slice(at);
  // A direct `eval` could use any local variable, so Terser would keep them all; the code evaluated here uses none.
  source = source.replace(/\beval\(/g, "(0,eval)(");
  const { code } = await minify(source, {
    module: true,
    ecma: 2022,
    compress: { passes: 3, pure_getters: true, keep_fargs: true, keep_classnames: true, inline: false, collapse_vars: false },
    mangle: { reserved: ["wasmExports"], keep_classnames: true },
  });
  return code;
}

/** Returns the WebAssembly core with only the exports that the glue or a module uses, and everything they need. */
function stripped(code) {
  const used = new Set(linked);
  simple(parse(code, { ecmaVersion: "latest", sourceType: "module" }), {
    MemberExpression(node) {
      if (isMemberOf("wasmExports", node)) used.add(memberName(node));
    },
  });
  // The core's own functions whose addresses it takes while it is linked.
  for (const { module, name } of importsOf(core)) if (module.startsWith("GOT.")) used.add(name);
  const program = binaryen.readBinary(core);
  for (const { name, kind } of WebAssembly.Module.exports(new WebAssembly.Module(core))) {
    const own = /^(__wasm_|__start_|__stop_|__em_js__|dynCall_|main$|__main_)/.test(name); // used by computed names
    if (["function", "global"].includes(kind) && !own && !used.has(name)) program.removeExport(name);
  }
  program.runPasses(["remove-unused-module-elements"]);
  return program.emitBinary();
}

const wasm = stripped(await shaken(names(importsOf(core))));
writeFileSync(join(out, "pyodide.asm.wasm"), wasm);
writeFileSync(join(out, "pyodide.asm.mjs"), await shaken(names(importsOf(wasm))));
