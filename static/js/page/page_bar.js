/** A line at the lower edge of the window, with a button that reloads the page. There is at most one. */

/** @param {string} words */
export function offerReload(words) {
  if (document.querySelector(".page-bar")) return;
  const bar = document.createElement("p");
  bar.className = "page-bar";
  bar.setAttribute("role", "alert");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Reload";
  button.addEventListener("click", () => location.reload());
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Later";
  close.addEventListener("click", () => bar.remove());
  bar.append(words, " ", button, " ", close);
  document.body.append(bar);
}
