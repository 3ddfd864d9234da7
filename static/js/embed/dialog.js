/**
 * The “Embed…” dialog of an instrument: the embedded page itself as a preview, in which the author sets the state; what
 * is shown, locked or hidden; and the code to paste. Loaded when it is opened.
 *
 * @typedef {import("./schema.js").Setting} Setting
 */
import { elementCode, iframeCode, SAFE_HEIGHT } from "./code.js";
import { heightTable } from "./height_table.js";
import { BUTTONS } from "./options.js";
import { queryOf, SCHEMA } from "./schema.js";

const RELOAD_MS = 500; // after the last change of an option
const MEASURE_MS = 300; // after the last change of the preview

const STYLE = `
:host { color: var(--ink); font: 14px/1.45 var(--sans); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
dialog { width: min(1120px, 96vw); max-height: 94vh; padding: 0; border: 1px solid var(--line); border-radius: 6px; background: var(--bg); color: inherit; overflow: hidden; }
dialog[open] { display: flex; flex-direction: column; }
dialog::backdrop { background: rgb(0 0 0 / .45); }
header { display: flex; align-items: center; justify-content: space-between; padding: 12px 18px; border-bottom: 1px solid var(--line); }
h2 { margin: 0; font-size: 16px; font-weight: 600; }
.body { display: grid; grid-template-columns: 300px minmax(0, 1fr); min-height: 0; flex: 1; overflow-y: auto; }
form { padding: 14px 18px; border-right: 1px solid var(--line); display: flex; flex-direction: column; gap: 14px; }
fieldset { margin: 0; padding: 0; border: 0; display: grid; gap: 6px; }
legend, .head { padding: 0; margin: 0 0 4px; font-weight: 600; }
label { display: flex; align-items: baseline; justify-content: space-between; gap: 10px; color: var(--mute); }
label.tick { justify-content: flex-start; }
label.wide { display: block; }
label.wide input { display: block; width: 100%; margin-top: 3px; }
input[type=text], input[type=number], select { padding: 4px 7px; border: 1px solid var(--line); border-radius: 4px; background: var(--bg); color: var(--ink); font: inherit; }
input[type=number] { width: 80px; }
input[type=checkbox] { accent-color: var(--ink); }
:is(input, select, button, textarea):focus-visible { outline: 2px solid var(--acc); outline-offset: 1px; }
.preview { display: flex; flex-direction: column; gap: 10px; min-width: 0; padding: 14px 18px; background: var(--soft); }
.preview p { margin: 0; color: var(--mute); }
.bar { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 4px 16px; }
.bar label { justify-content: flex-start; }
.window { overflow: auto; max-height: 56vh; min-height: 200px; border: 1px solid var(--line); background: var(--bg); }
iframe { display: block; border: 0; width: 100%; }
.code { padding: 12px 18px 16px; border-top: 1px solid var(--line); display: grid; gap: 8px; }
.code p { margin: 0; color: var(--mute); font-size: 13px; }
.code :is(a, p code) { color: inherit; }
.tabs { display: flex; align-items: baseline; gap: 18px; flex-wrap: wrap; }
.tabs label { justify-content: flex-start; color: var(--ink); }
textarea { width: 100%; height: 104px; padding: 9px 11px; border: 1px solid var(--line); border-radius: 4px; background: var(--soft); color: var(--ink); font: 12px/1.5 var(--mono); font-variant-ligatures: none; resize: vertical; }
button { padding: 6px 14px; border: 1px solid var(--line); border-radius: 4px; background: none; color: inherit; font: 500 13px var(--sans); cursor: pointer; }
button:hover { border-color: var(--mute); }
button.copy { margin-left: auto; border-color: var(--acc); background: var(--acc); color: var(--on-acc); font-weight: 600; }
output { color: var(--ok); }
@media (max-width: 760px) {
  .body { grid-template-columns: minmax(0, 1fr); }
  form { border-right: 0; order: 1; }
  .window { max-height: 46vh; }
}`;

const MARKUP = `
<dialog aria-labelledby="h">
  <header><h2 id="h"></h2><button type="button" class="close">Close</button></header>
  <div class="body">
    <form>
      <fieldset><legend>Frame</legend>
        <label>Height <select name="size"><option value="fit">fits its content</option><option value="fixed">fixed</option></select></label>
        <label data-fixed hidden>Pixels <input type="number" name="height" min="240" max="2000" step="10" value="${SAFE_HEIGHT}"></label>
        <label>Layout <select name="layout"><option value="">automatic</option><option value="compact">compact</option><option value="full">full</option></select></label>
        <label>Theme <select name="theme"><option value="">follows the reader</option><option value="light">light</option><option value="dark">dark</option></select></label>
        <label>Language <select name="lang"><option value="">English</option><option value="de">Deutsch</option></select></label>
      </fieldset>
      <fieldset class="settings"><legend>Controls</legend></fieldset>
      <fieldset><legend>Also</legend>
        <label class="tick"><input type="checkbox" name="measures" checked> measures</label>
        <label class="tick"><input type="checkbox" name="menu" checked> menu</label>
        <label class="tick"><input type="checkbox" name="paused"> Python starts when pressed</label>
        <label class="wide">Title <input type="text" name="title" maxlength="120"></label>
        <label class="wide">Question to answer first <input type="text" name="question" maxlength="300"></label>
      </fieldset>
    </form>
    <div class="preview">
      <div class="bar"><p>Set the preview as your readers should find it.</p>
        <label>Width <select name="width"><option value="">all there is</option><option value="736">736, a text column</option><option value="600">600</option><option value="390">390, a phone</option></select></label></div>
      <div class="window"><iframe title="Preview"></iframe></div>
    </div>
  </div>
  <div class="code">
    <div class="tabs"><label><input type="radio" name="kind" value="iframe" checked> iframe, works everywhere</label>
      <label><input type="radio" name="kind" value="element"> &lt;instrument-lab&gt;, with events</label>
      <output role="status"></output><button type="button" class="copy">Copy the code</button></div>
    <textarea readonly spellcheck="false" aria-label="Code to paste"></textarea>
    <p>If the frame stays empty because your page isolates itself (<code>COEP: require-corp</code>), write <code>credentialless</code> into its tag. <a target="_blank">Other pages, and where it works</a></p>
  </div>
</dialog>`;

/**
 * @param {HTMLElement} place the instrument's figure
 * @param {{query: string, note: string}} state all its settings, so that the code keeps its meaning when a default
 *   changes; a sentence about what the code does not carry
 * @param {(text: string) => Promise<string>} copied copies a text and says so
 */
export function openDialog(place, state, copied) {
  new Dialog(place, state, copied);
}

class Dialog {
  /** @param {HTMLElement} place @param {{query: string, note: string}} state @param {(text: string) => Promise<string>} copied */
  constructor(place, { query, note }, copied) {
    this.page = new URL(String(place.dataset.embed), document.baseURI);
    this.name = String(place.dataset.instrument);
    this.title = place.querySelector(".instrument-title")?.textContent ?? this.name;
    this.query = query;
    this.shown = "";
    this.heights = ""; // of the preview's content, at many widths
    /** @type {Setting[]} */
    this.settings = [];
    this.host = document.createElement("div");
    this.root = this.host.attachShadow({ mode: "open" });
    this.root.innerHTML = `<style>${STYLE}</style>${MARKUP}`;
    document.body.append(this.host);
    this.dialog = /** @type {HTMLDialogElement} */ (this.root.querySelector("dialog"));
    this.frame = /** @type {HTMLIFrameElement} */ (this.root.querySelector("iframe"));
    this.part("h2").textContent = `Embed “${this.title}”`;
    /** @type {HTMLInputElement} */ (this.field("title")).placeholder = this.title;
    this.part(".bar p").append(note && ` ${note}`);
    /** @type {HTMLAnchorElement} */ (this.part(".code a")).href = new URL("../teachers.html#where", this.page).href;
    const hear = (/** @type {MessageEvent} */ event) => this.#hear(event);
    addEventListener("message", hear);
    this.dialog.addEventListener("close", () => {
      removeEventListener("message", hear);
      clearTimeout(this.measuring);
      this.host.remove();
      /** @type {HTMLElement | null} */ (place.querySelector("details.menu > summary"))?.focus();
    });
    this.part(".close").addEventListener("click", () => this.dialog.close());
    this.part(".copy").addEventListener("click", async () => {
      const said = await copied(this.#code());
      this.part("output").textContent = said === "Copied." ? said : "Select the code and copy it.";
    });
    this.part("textarea").addEventListener("focus", () => /** @type {HTMLTextAreaElement} */ (this.part("textarea")).select());
    this.root.addEventListener("change", ({ target }) => this.#changed(/** @type {HTMLInputElement} */ (target)));
    this.part("form").addEventListener("submit", (event) => event.preventDefault());
    this.#load();
    this.dialog.showModal();
  }

  /** @param {string} selector */
  part(selector) {
    return /** @type {HTMLElement} */ (this.root.querySelector(selector));
  }

  /** @param {string} name */
  field(name) {
    return /** @type {HTMLInputElement | HTMLSelectElement} */ (this.root.querySelector(`[name="${name}"]`));
  }

  /** @param {string} name */
  ticked(name) {
    return /** @type {HTMLInputElement} */ (this.field(name)).checked;
  }

  /** @param {HTMLInputElement} input */
  #changed(input) {
    this.part("output").textContent = "";
    const fixed = this.field("size").value === "fixed";
    this.part("[data-fixed]").hidden = !fixed;
    if (fixed) this.frame.style.height = `${this.field("height").value}px`;
    if (input.name === "width") this.frame.style.width = input.value ? `${input.value}px` : "";
    else if (input.name !== "kind") {
      clearTimeout(this.reload);
      this.reload = setTimeout(() => this.#load(), RELOAD_MS);
    }
    this.#show();
  }

  /** Loads the preview with the state and the options. */
  #load() {
    const source = [this.#state(), this.#options()].filter(Boolean).join("&");
    const address = `${this.page.href}${source && `?${source}`}`;
    if (address !== this.shown) this.frame.src = address;
    this.shown = address;
    if (this.field("size").value === "fit") this.frame.style.height ||= `${SAFE_HEIGHT}px`;
    this.#show();
  }

  /** @param {MessageEvent} event */
  #hear({ source, data }) {
    if (source !== this.frame.contentWindow || data?.schema !== SCHEMA) return;
    if (data.type === "height" && this.field("size").value === "fit") this.frame.style.height = `${data.height}px`;
    if (data.type === "ready" && !this.settings.length) this.frame.contentWindow?.postMessage({ schema: SCHEMA, type: "describe" }, "*");
    if (data.type === "settings") this.#list(data.settings);
    if (data.type === "stateChanged") this.query = queryOf(data.settings);
    clearTimeout(this.measuring);
    this.measuring = setTimeout(() => this.#measure(), MEASURE_MS);
    this.#show();
  }

  /** The preview is of this page's origin: its own layout says how high it would be at other widths. */
  async #measure() {
    await this.frame.contentDocument?.fonts.ready;
    const layout = /** @type {any} */ (this.frame.contentWindow)?.lab?.frame?.layout; // null: the dialog has been closed
    if (layout) this.heights = heightTable((width) => layout.heightAt(width));
    this.#show();
  }

  /** A row for each control: shown, locked or hidden. @param {Setting[]} settings */
  #list(settings) {
    this.settings = settings;
    const controls = settings.filter(({ on_picture }) => !on_picture).map(({ name, label }) => [name, label]);
    for (const [name, label] of [...controls, ...BUTTONS.map((button) => [button, `Button: ${button}`])]) {
      const row = document.createElement("label");
      row.textContent = label;
      const choice = document.createElement("select");
      choice.name = `control-${name}`;
      for (const option of ["shown", "locked", "hidden"]) choice.add(new Option(option));
      row.append(choice);
      this.part(".settings").append(row);
    }
  }

  /** The whole state; texts that are empty are left out. */
  #state() {
    return queryOf(Object.fromEntries([...new URLSearchParams(this.query)].filter(([, value]) => value !== "")));
  }

  #options() {
    const choices = /** @type {HTMLSelectElement[]} */ ([...this.root.querySelectorAll("[name^=control-]")]);
    const named = (/** @type {string} */ chosen) =>
      choices.filter(({ value }) => value === chosen).map((choice) => choice.name.replace("control-", "")).join(",");
    const options = {
      layout: this.field("layout").value, theme: this.field("theme").value, lang: this.field("lang").value, hide: named("hidden"), lock: named("locked"),
      measures: this.ticked("measures") ? "" : "0", menu: this.ticked("menu") ? "" : "0",
      start: this.ticked("paused") ? "paused" : "", title: this.field("title").value, question: this.field("question").value,
    };
    return new URLSearchParams(Object.entries(options).filter(([, value]) => value)).toString().replaceAll("%2C", ",");
  }

  #code() {
    const embed = {
      address: this.page.href, element: new URL("../embed.js", this.page).href, name: this.name, title: this.field("title").value || this.title,
      query: this.#state(), options: this.#options(), height: this.field("size").value === "fixed" ? Number(this.field("height").value) : undefined,
      heights: this.heights,
    };
    const kind = /** @type {HTMLInputElement} */ (this.root.querySelector("[name=kind]:checked")).value;
    return kind === "iframe" ? iframeCode(embed) : elementCode(embed);
  }

  #show() {
    const code = this.#code();
    const area = /** @type {HTMLTextAreaElement} */ (this.part("textarea"));
    if (area.value !== code) area.value = code;
  }
}
