/** A line at the lower edge of the window, with a button that reloads the page. There is at most one. */

/** @param {string} words */
export function offerReload(words) {
  if (document.querySelector(".page-bar")) return;
  const bar = document.createElement("p");
  bar.className = "page-bar";
  bar.setAttribute("role", "alert");
  bar.style.cssText = "position: fixed; inset: auto 0 0; background: var(--bg, Canvas)"; // in sight without a style sheet too
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Reload";
  button.addEventListener("click", () => {
    button.disabled = true;
    reload();
  });
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Later";
  close.addEventListener("click", () => bar.remove());
  bar.append(words, " ", button, " ", close);
  document.body.append(bar);
}

/** Reloads the page with its scripts and styles, past the browser's cache. */
async function reload() {
  const names = performance.getEntriesByType("resource").map(({ name }) => name);
  const parts = names.filter((name) => /\.(js|css)$/.test(name));
  await Promise.allSettled(parts.map((name) => fetch(name, { cache: "reload" })));
  location.reload();
}
