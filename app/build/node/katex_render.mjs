// Typesets formulas: reads a JSON list of {tex, display} from standard input, writes a list of {html} or {error}.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.argv[2] + "/package.json"); // the folder whose node_modules to use
const katex = require("katex");

const results = JSON.parse(readFileSync(0, "utf8")).map(({ tex, display }) => {
  try {
    return { html: katex.renderToString(tex, { displayMode: display, output: "htmlAndMathml", strict: "error", throwOnError: true }) };
  } catch (error) {
    return { error: String(error.message) };
  }
});
process.stdout.write(JSON.stringify(results));
