/**
 * The interpreter with NumPy's compiled modules linked into it before Python starts, always in the same order: their
 * places in memory and in the table of functions are then the same at each start, which a memory snapshot needs.
 */
import { loadPyodide } from "pyodide";
import { ASSETS, LIBRARY, address, download, request, unpack } from "./packs.js";

/** @typedef {[path: string, module: WebAssembly.Module]} Compiled */

/** @returns {Promise<Compiled[]>} */
const compiledLibraries = () =>
  Promise.all(
    ASSETS.libraries.map(async ([path, file]) => {
      const module = await WebAssembly.compileStreaming(request(file));
      return /** @type {Compiled} */ ([LIBRARY + path, module]);
    }),
  );

/** What `dlopen` and `dlsym` would do one by one when Python imports them. @param {any} core @param {Compiled[]} libraries */
function link(core, libraries) {
  for (const [path, module] of libraries) {
    const library = core.newDSO(path, undefined, "loading");
    library.global = false;
    const scope = {};
    const flags = { loadAsync: false, global: false, nodelete: true, allowUndefined: true };
    library.exports = core.loadWebAssemblyModule(module, flags, path, scope, 0);
    for (const [name, value] of Object.entries(library.exports))
      if (name.startsWith("PyInit_")) core.addFunction(value, value.sig);
  }
}

/** Starts Python; only the modules of `start` can be imported yet. @returns {Promise<any>} */
export async function startInterpreter() {
  const libraries = compiledLibraries();
  const library = download(ASSETS.start);
  const failed = Promise.all([libraries, library]).then(() => new Promise(() => {}));
  failed.catch(() => {}); // reported where it is awaited
  const { default: createCore } = await import(/* webpackIgnore: true */ address(ASSETS.pyodide + "pyodide.asm.mjs"));
  /** @param {any} settings */
  const createPyodideModule = (settings) => {
    settings.preRun.push((/** @type {any} */ core) => {
      core.addRunDependency("libraries");
      libraries.then((compiled) => {
        link(core, compiled);
        core.removeRunDependency("libraries");
      });
    });
    return Promise.race([createCore(settings), failed]);
  };
  /** @type {any} */
  const options = {
    indexURL: address(ASSETS.pyodide),
    stdLibURL: "data:,", // the library comes as files instead of a zip
    fsInit: async (/** @type {any} */ FS) => unpack(FS, await library),
    lockFileContents: ASSETS.lock,
    env: { PYTHONPATH: LIBRARY, HOME: "/home/pyodide", PANEL_CDN_ROOT: address(ASSETS.panelRoot) },
    createPyodideModule,
  };
  return loadPyodide(options);
}
