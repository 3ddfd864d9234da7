/** Reads a JSON list of `Embed` objects from stdin and writes the codes of their iframes, as the dialog “Embed…” makes them. */
import { readFileSync } from "node:fs";

import { iframeCode, SAFE_HEIGHT } from "../../../static/js/embed/code.js";

const embeds = JSON.parse(readFileSync(0, "utf-8"));
process.stdout.write(JSON.stringify({ height: SAFE_HEIGHT, codes: embeds.map(iframeCode) }));
