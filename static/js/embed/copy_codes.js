/**
 * The page for teachers: codes with this site's own address, and a button at each part that copies its code. Loaded by
 * that page only.
 */
import { iframeCode } from "./code.js";
import { publishedHeights } from "./published_heights.js";

/** @param {(text: string) => Promise<string>} copied copies a text and says so */
export function openCodes(copied) {
  const site = new URL("./", location.href).href;
  for (const code of document.querySelectorAll("[data-paste] code")) code.textContent = String(code.textContent).replaceAll("https://YOUR-HOST/", site);
  for (const block of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-paste]"))) block.append(button(() => String(block.querySelector("code")?.textContent), copied));
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("code[data-embed]"))) {
    const { embed: name = "", title = "" } = place.dataset;
    place.after(" ", button(() => iframeCode({ address: `${site}embed/${name}.html`, element: "", name, title, query: "", options: "", height: undefined, heights: publishedHeights(name) }), copied));
  }
}

/** @param {() => string} text @param {(text: string) => Promise<string>} copied */
function button(text, copied) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "copy-code";
  made.textContent = "Copy code";
  made.addEventListener("click", async () => {
    const said = await copied(text());
    if (said === "Copied.") made.textContent = said;
    else {
      const shown = document.createElement("pre"); // to be copied by hand
      shown.className = "code";
      shown.textContent = said;
      made.replaceWith(shown);
    }
  });
  made.addEventListener("blur", () => (made.textContent = "Copy code"));
  return made;
}
