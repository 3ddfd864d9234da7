/**
 * An embedded page: one instrument, cell or quiz in a frame of another page. Reads the options of its address, waits for
 * its turn to start Python, fits its height, and talks with the page around it. Loaded by embed pages only.
 *
 * @typedef {import("../page/python_worker.js").Python} Python
 * @typedef {import("./schema.js").Values} Values
 */
import { applyOptions, ask, lockAll, lockPlaying } from "./controls.js";
import { Host } from "./host.js";
import { Layout } from "./layout.js";
import { OPTIONS, readOptions } from "./options.js";
import { checkState, stateOf } from "./schema.js";
import { sharing } from "./share.js";
import { turn } from "./turns.js";

const TOLD_MS = 100; // between two reports of a state that keeps changing
const PATIENCE_MS = 20_000; // after this the next frame may start, whatever has become of this one

export class Frame {
  constructor() {
    this.root = document.documentElement;
    this.main = /** @type {HTMLElement} */ (document.querySelector("main.embed"));
    this.place = /** @type {HTMLElement | null} */ (document.querySelector(".instrument"));
    this.name = String(this.main.dataset.name);
    /** @type {import("./schema.js").Setting[]} */
    this.settings = JSON.parse(document.querySelector("script.settings")?.textContent ?? "[]");
    const { options, problems } = readOptions(location.search, this.settings.map(({ name }) => name));
    this.options = options;
    this.host = new Host(options.origins);
    if (/^(light|dark)$/.test(options.theme)) this.root.dataset.theme = options.theme; // where the head's script may not run
    const asked = checkState(this.settings, this.#asked()).values;
    this.notSettings = Object.keys(OPTIONS);
    /** The settings of the address that differ from the still picture's. */
    this.differing = Object.fromEntries(Object.entries(asked).filter(([name, text]) => text !== String(this.#setting(name).default)));
    /** What Python has last said of the instrument; before that, what the address asks for. */
    this.query = new URLSearchParams(asked).toString();
    /** @type {Record<string, any>} */
    this.readings = {};
    /** Answers to `setState` that wait for Python. @type {any[]} */
    this.setting = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.telling = undefined;
    this.styles = [...document.styleSheets].filter(({ href }) => href?.includes("/embed."));
    this.layout = new Layout(this.main, this.place ? options.layout : "plain", (height) => this.host.send({ type: "height", height }));
    this.touched = false; // by the reader, not by a message
    /** Resolves at the first press on the page. @type {Promise<void>} */
    this.pressed = new Promise((resolve) => {
      this.press = () => resolve(undefined);
      for (const event of ["pointerdown", "keydown"]) {
        this.main.addEventListener(event, this.press, true);
        this.main.addEventListener(event, () => (this.touched = true), true);
      }
    });
    this.started = turn(this.main, { paused: options.paused, pressed: this.pressed });
    if (this.root.dataset.cannot) this.started = new Promise(() => {}); // Python cannot run here
    if (options.lang !== "en") this.#speak(options.lang).catch(() => {});
    this.#dress();
    this.#say(problems);
    this.#follow();
    this.#runAbove();
    if (options.statements) this.#sendStatements();
    if (!this.place) this.host.listen((request, id) => this.#answerAlone(request, id));
    requestAnimationFrame(() => this.host.send({ type: "ready", stage: "picture", name: this.name }));
  }

  /** Starts the instruments' Python in turn. @param {Python} python */
  connect(python) {
    python.connect = sharing(() => python.replace(), python.connect);
    const words = /** @type {HTMLElement} */ (this.place?.querySelector(".live .words"));
    const live = /** @type {HTMLElement} */ (this.place?.querySelector(".live"));
    live.dataset.state = "waiting";
    words.textContent = this.#waits();
    this.started.then((begun) => {
      setTimeout(begun, PATIENCE_MS);
      python.on("failed", begun);
      python.on("stage", ({ stage }) => stage === "live" && begun());
      python.start();
    });
    python.on("stage", ({ stage }) => {
      if (stage !== "live") return;
      if (this.root.dataset.cannot === "python") delete this.root.dataset.cannot; // after a second try
      this.host.send({ type: "ready", stage: "live", name: this.name });
    });
    python.on("failed", ({ message }) => {
      if (this.host.there && this.place?.querySelector(".still")) this.root.dataset.cannot ??= "python";
      this.host.send({ type: "error", message }, this.setting.shift());
    });
    python.on("state", ({ slot, head }) => {
      if (slot !== this.name) return;
      const { query, numbers } = JSON.parse(head);
      Object.assign(this.readings, numbers);
      if (query !== null) this.query = query;
      for (const id of this.setting.splice(0)) this.host.send({ type: "state", ...this.#state() }, id);
      if (query !== null || Object.keys(numbers).length) this.#tellSoon();
    });
    this.host.listen((request, id) => this.#answer(python, request, id));
  }

  /** The still picture shows the state of the address, which the build has stored. */
  showsAsked() {
    this.other = false;
    this.root.toggleAttribute("data-other", false);
    this.root.toggleAttribute("data-stored", true);
    this.place?.querySelector(".still .front-panel")?.removeAttribute("data-other");
    const words = this.place?.querySelector(".live[data-state=waiting] .words");
    if (words) words.textContent = this.#waits();
  }

  /** What a frame says that has not started Python. */
  #waits() {
    if (!this.options.paused) return "Python starts soon";
    return this.other ? "Press to see this state" : "Press to start Python";
  }

  /** @param {Python} python @param {import("./schema.js").Request} request @param {any} id */
  #answer(python, request, id) {
    switch (request.type) {
      case "hello":
        this.host.send({ type: "ready", stage: python.health === "live" ? "live" : "picture", name: this.name }, id);
        this.layout.repeat();
        break;
      case "getState":
        this.host.send({ type: "state", ...this.#state() }, id);
        break;
      case "setState": {
        const { values, problems } = checkState(this.settings, request.settings);
        if (problems.length) this.host.send({ type: "error", message: problems.join(" ") }, id);
        else this.#set(python, values, id);
        break;
      }
      case "describe":
        this.host.send({ type: "settings", name: this.name, settings: this.settings }, id);
        break;
      case "setTheme":
        if (request.theme === "auto") delete this.root.dataset.theme;
        else this.root.dataset.theme = request.theme;
        break;
      case "statements":
        this.#sendStatements();
        break;
      case "start":
        this.press?.();
    }
  }

  /** The answers of a page without an instrument. @param {import("./schema.js").Request} request @param {any} id */
  #answerAlone({ type }, id) {
    if (type === "hello") {
      this.host.send({ type: "ready", stage: "picture", name: this.name }, id);
      this.layout.repeat();
    } else if (type === "statements") this.#sendStatements();
    else this.host.send({ type: "error", message: "This page has no instrument." }, id);
  }

  /** Moves settings; Python starts if it has not. @param {Python} python @param {Record<string, string>} values @param {any} id */
  async #set(python, values, id) {
    this.press?.();
    await this.started;
    this.layout.heights.renew();
    this.setting.push(id);
    python.send({ type: "preset", slot: this.name, values, keep: true });
  }

  async #sendStatements() {
    const { activitiesOf, followReports } = await import("./xapi.js");
    followReports(this.host, activitiesOf(this.main, this.options.question), () => this.touched);
  }

  #state() {
    return { name: this.name, settings: stateOf(this.settings, this.query), query: this.query, readings: { ...this.readings } };
  }

  /** The reader has moved the still picture's slider. @param {string} query */
  #moved(query) {
    this.query = query;
    this.#tellSoon();
  }

  #tellSoon() {
    this.telling ??= setTimeout(() => {
      this.telling = undefined;
      this.host.send({ type: "stateChanged", ...this.#state() });
    }, TOLD_MS);
  }

  /** @param {string} name */
  #setting(name) {
    return /** @type {import("./schema.js").Setting} */ (this.settings.find((setting) => setting.name === name));
  }

  /** The settings of the address. */
  #asked() {
    const all = new URLSearchParams(location.search);
    return Object.fromEntries(this.settings.filter(({ name }) => all.has(name)).map(({ name }) => [name, all.get(name)]));
  }

  /** Title, menu, question and panels as the address asks. */
  #dress() {
    const { place, options } = this;
    if (!place) return;
    const heading = /** @type {HTMLElement} */ (place.querySelector(".instrument-title"));
    if (options.title !== undefined) {
      heading.textContent = options.title;
      heading.lang = options.lang;
    }
    if (!options.menu) place.querySelector("details.menu")?.remove();
    this.#openDrawer(place);
    const still = /** @type {HTMLElement | null} */ (place.querySelector(".still .front-panel"));
    if (still) this.#take(still);
    this.other = Object.keys(this.differing).some((name) => name !== place.dataset.framesParam);
    if (this.other) still?.setAttribute("data-other", "");
    this.root.toggleAttribute("data-other", this.other); // the main slider's own states have pictures
    // Python's panel, and that of a copy beside it, come with their first state.
    place.parentElement?.addEventListener("lab:state", (event) => {
      const [source] = event.composedPath();
      const panel = /** @type {HTMLElement} */ (source).querySelector?.(".front-panel");
      if (!(panel instanceof HTMLElement)) return;
      if (!this.layout.panels.has(panel)) this.#take(panel);
      const { query } = /** @type {CustomEvent} */ (event).detail;
      lockPlaying(panel, options.lock, String(stateOf(this.settings, query).view));
      if (source === place && query !== this.query) this.#moved(query); // from the still picture
    });
    if (!options.question) return;
    this.locked = true;
    for (const panel of this.layout.panels) lockAll(panel, true);
    ask(place, options.question).then((answer) => {
      this.locked = false;
      for (const panel of this.layout.panels) lockAll(panel, false);
      this.host.send({ type: "quizAnswered", name: this.name, answer, right: null });
      this.host.send({ type: "completed", name: this.name });
    });
  }

  /** @param {HTMLElement} panel */
  #take(panel) {
    const within = panel.getRootNode();
    if (within instanceof ShadowRoot) within.adoptedStyleSheets.push(...this.styles.map(copyOf));
    applyOptions(panel, this.options);
    if (this.locked) lockAll(panel, true);
    this.layout.add(panel);
    this.#translate(panel);
    panel.toggleAttribute("data-drawer", this.drawer?.getAttribute("aria-expanded") === "true");
  }

  /** The frame's own words in another language, which is loaded now; where it does not arrive, they stay English. @param {string} name */
  async #speak(name) {
    const { speak } = await import("./language.js");
    this.language = await speak(name);
    for (const panel of this.layout.panels) this.#translate(panel);
  }

  /** @param {HTMLElement} panel */
  #translate(panel) {
    const root = panel.getRootNode();
    if (root instanceof ShadowRoot) this.language?.watch(root);
  }

  /** The button that shows all controls in the compact layout. @param {HTMLElement} place */
  #openDrawer(place) {
    const drawer = document.createElement("button");
    this.drawer = drawer;
    drawer.className = "drawer";
    drawer.type = "button";
    drawer.textContent = "All controls";
    drawer.setAttribute("aria-expanded", "false");
    place.querySelector("header .live")?.after(drawer);
    drawer.addEventListener("click", () => {
      const opened = drawer.getAttribute("aria-expanded") !== "true";
      drawer.setAttribute("aria-expanded", String(opened));
      drawer.textContent = opened ? "Fewer controls" : "All controls";
      for (const panel of this.layout.panels) panel.toggleAttribute("data-drawer", opened);
    });
  }

  /** Sentences about the address. @param {string[]} problems */
  #say(problems) {
    if (!problems.length) return;
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.setAttribute("role", "alert");
    notice.append(...problems.flatMap((problem) => [problem, " "])); // a text each, which is translated alone
    const first = this.main.querySelector(".notice");
    if (first) first.after(notice);
    else this.main.prepend(notice);
  }

  /** A cell that is shown alone: those above it in its chapter run before it, once the reader turns to it. */
  #runAbove() {
    const runAll = () => {
      for (const run of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".above .run"))) run.click();
    };
    this.main.querySelector(":scope > .cell")?.addEventListener("focusin", runAll, { once: true });
  }

  /** Answers of quizzes, and exercises whose checks have passed. */
  #follow() {
    document.addEventListener("lab:quiz", (event) => {
      const { answer, right } = /** @type {CustomEvent} */ (event).detail;
      this.host.send({ type: "quizAnswered", name: this.name, answer, right });
      if (right) this.host.send({ type: "completed", name: this.name });
    });
    document.addEventListener("lab:exercise", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.passed) this.host.send({ type: "completed", name: this.name });
    });
  }
}

/** A style sheet of the page, for a shadow root. @param {CSSStyleSheet} sheet */
function copyOf(sheet) {
  const copy = new CSSStyleSheet();
  copy.replaceSync(Array.from(sheet.cssRules, ({ cssText }) => cssText).join("\n"));
  return copy;
}
