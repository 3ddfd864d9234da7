/** The embedded page's own words: each is in the table of every other language, and nothing else is. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { parse } from "../../static/node_modules/acorn/dist/acorn.mjs";
import { simple } from "../../static/node_modules/acorn-walk/dist/walk.mjs";
import { translated } from "../../static/js/embed/language.js";
import { LANGUAGES, readOptions } from "../../static/js/embed/options.js";
import { WORDS } from "../../static/js/embed/words_de.js";

const SCRIPTS = new URL("../../static/js/", import.meta.url);
const TEMPLATES = new URL("../../app/build/templates/", import.meta.url);

/** Scripts of whole chapters, of the author's dialogs, and of answers to the page around: these speak English. */
const ENGLISH_ONLY = [
  "page/dock.js", "page/dock_news.js", "page/download_chapter.js", "page/live_preview.js", "page/main.js", "page/offline.js", "page/predictions.js",
  "page/progress.js", "page/reset_all.js", "page/service_worker.js", "page/slot_state.js", "page/zip_stream.js",
  "embed/dialog.js", "embed/embed.js", "embed/code.js", "embed/copy_codes.js", "embed/xapi.js", "embed/words_de.js",
];

/** What looks like words and is never shown by itself. */
const NOT_SHOWN = new Set([
  "Escape", "Backspace", "main h2", "Toolbar", "output left-out", "this site", "not a stored state", "Python did not start", "The instrument stopped", "This page has no instrument.",
  "Shift-Enter", "Mod-Enter", "Tab", "ArgList", "Content-Type", "prefers-color-scheme: dark",
  // Options whose values are texts or names, about which another sentence speaks; answers to the page around.
  "names of settings, or none", "names of settings, or run, play, step, reset", "names of settings, or run, play, step, reset, or all",
  "a text", "a language, such as de", "There is no message `{}`; there is {}.", "There is no setting `{}`; there is {}.", "a {} from {} to {}",
  "`{}` has a wrong `{}`: {}.", "whole number", "an object", "It opens with the lab's own code, not with your {}.",
]);

/** Templates that a frame is made of. */
const FRAME = ["embed.html", "embed_block.html", "menu.html", "cannot.html", "blocks/cell.html", "blocks/quiz.html", "../../instrument/templates/instrument.html"];

/** Sentences of Python about the address. */
const PYTHON = ["`{}` must be {}, got {}.", "{} has no setting `{}`; it has {}.", "`{}` cannot be {} beside the other settings; it becomes {}.",
  "There are {} more such problems.", "true or false", "a text that matches {}"]; // prettier-ignore

/** Made of parts in the scripts, in a way that only a reader of them sees. */
const COMPOSED = [
  "Python did not start: {}", "The instrument stopped: {}", "Copied. It opens with the lab's own code, not with your {}.",
  "light, dark or auto", "auto, compact or full", "one of {}", "a number from {} to {}", "a whole number from {} to {}", "0 or 1", "{} sent nothing of {} {}", "Cell {}", "Exercise {}", "Python crashed with an internal error ({}). It was restarted.", "Cell",
  "The memory limit of Python (1 GB) was reached. Python was restarted.",
  "Add", "Weight", "Use these points", "Points as CSV or JSON: x and y in each line, or [[x, y], …]",
  "or a file: CSV, JSON or an image, whose dark pixels become points",
  "{} points are used.", "{} points are used, scaled to fit the picture.",
  "{} of {} points are used, evenly spaced.", "{} of {} points are used, evenly spaced, scaled to fit the picture.",
  "The code recursed too deeply for this browser, and Python crashed. It was restarted.",
];

const shown = (/** @type {string} */ text) =>
  !NOT_SHOWN.has(text) && !/[<>#=]/.test(text) && !/^and as assert /.test(text) && !/^[A-Z]\w*[A-Z]/.test(text) &&
  (/^`\{\}` [a-z]/.test(text) || /^[A-Z“]([^\s-]*[a-z]| [a-z])/.test(text) || /^[a-z][a-z’]* [a-z]/.test(text));

/** The texts of a script that look like words. @param {string} source */
function wordsOfScript(source) {
  /** @type {string[]} */
  const found = [];
  simple(parse(source, { ecmaVersion: "latest", sourceType: "module" }), {
    Literal: (/** @type {any} */ { value }) => typeof value === "string" && found.push(value.trim()),
    TemplateLiteral: (/** @type {any} */ { quasis }) => found.push(quasis.map((/** @type {any} */ { value }) => value.cooked).join("{}").trim()),
  });
  return found.filter(shown);
}

/** The words of a template: its texts, and the attributes that are read. @param {string} source */
function wordsOfTemplate(source) {
  const choices = [0, 1].map((which) => source
    .replace(/\{\{ *\(?"([^"]*)" if [^}]*? else "([^"]*)"\)? *\}\}/g, (_, a, b) => [a, b][which])
    .replace(/\{% set name = .*%\}/g, "")
    .replace(/\{#[\s\S]*?#\}|\{%[\s\S]*?%\}|<script[\s\S]*?<\/script>|<svg[\s\S]*?<\/svg>/g, "")
    .replace(/\{\{[\s\S]*?\}\}/g, "{}"));
  /** @type {string[]} */
  const found = [];
  for (const text of choices) {
    const sentences = [...text.matchAll(/<span (?:data-for="[^"]*"|class="(?:first|stored|other)")>([\s\S]*?)<\/span>/g)];
    const bare = sentences.reduce((rest, [whole]) => rest.replace(whole, ""), text);
    found.push(...sentences.map(([, inner]) => inner));
    for (const [, name, value] of bare.matchAll(/\s(aria-label|title|placeholder)="([^"]*)"/g)) if (name) found.push(value);
    found.push(...bare.split(/<[^>]*>/));
  }
  return found.map((text) => text.trim()).filter((text) => !text.startsWith("data-when") && /[A-Za-z]{2}/.test(text.replace(/\{\}/g, "")));
}

const scripts = ["page", "embed", "cells", "files"].flatMap((folder) => readdirSync(new URL(folder, SCRIPTS)).map((name) => `${folder}/${name}`));
const inScripts = scripts
  .filter((path) => path.endsWith(".js") && !ENGLISH_ONLY.includes(path))
  .flatMap((path) => wordsOfScript(readFileSync(new URL(path, SCRIPTS), "utf8")));
const inTemplates = FRAME.flatMap((path) => wordsOfTemplate(readFileSync(new URL(path, TEMPLATES), "utf8")));
const IGNORED_IN_TEMPLATES = new Set(["{}: {}", "{} {}: {}", "{} {}", "{} · Diffusion Instrument Lab"]);
const used = new Set([...inScripts, ...inTemplates.filter((text) => !IGNORED_IN_TEMPLATES.has(text)), ...COMPOSED, ...PYTHON]);

test("every word of a frame is in the table", () => {
  assert.deepEqual([...used].filter((text) => !Object.hasOwn(WORDS, text)), []);
});

test("what Python says of an address is worded as in the table", () => {
  const files = ["instrument.py", "state_texts.py"].map((name) => readFileSync(new URL(`../../app/instrument/${name}`, import.meta.url), "utf8"));
  const source = files.join("").replace(/\{[^{}\n]*\}/g, "{}");
  for (const sentence of PYTHON) assert.ok(source.includes(sentence), sentence);
  for (const part of ["'a whole number'", "'a number'"]) assert.ok(files[1].includes(part));
  assert.ok(source.includes("{} from {} to {}") && source.includes('"one of "'));
});

test("the sentences about a wrong address are spoken in another language, with what they name", () => {
  const { problems } = readOptions("?theme=blue&lock=x,t&menu=2&meun=0&origin=course", ["t", "seed"]);
  assert.equal(problems.length, 5);
  for (const problem of problems) assert.ok(translated(WORDS, problem), problem);
  assert.equal(translated(WORDS, problems.find((problem) => problem.includes("blue")) ?? ""), "`theme` muss light, dark oder auto sein, nicht “blue”.");
  assert.equal(translated(WORDS, "`t` must be a number from 0 to 1, got '7'."), "`t` muss eine Zahl von 0 bis 1 sein, nicht '7'.");
});

test("the table has nothing that no frame says", () => {
  assert.deepEqual(Object.keys(WORDS).filter((text) => !used.has(text)), []);
});

test("a word outside the table is found, in a script and in a template", () => {
  assert.deepEqual(wordsOfScript('button.textContent = "Fly away"; x = `Lost ${n} hats`; y = "data-x"; z = "Shift-Enter";'), ["Fly away", "Lost {} hats"]);
  assert.deepEqual(wordsOfTemplate('<b title="Fly {{ far }}">{% if x %}away{% endif %}</b>{# no #}').slice(0, 2), ["Fly {}", "away"]);
});

test("what is put into a sentence keeps its place, or gets another", () => {
  const words = { "Of {}, {} came": "{2} kam von {1}", "Stop": "Halt", "Failed: {}": "Gescheitert: {}", "A (b) {}?": "C {}" };
  assert.equal(translated(words, "Of a.js, 3 kB came"), "3 kB kam von a.js");
  assert.equal(translated(words, "Failed: Stop"), "Gescheitert: Halt", "what is put in may be in the table itself");
  assert.equal(translated(words, "A (b) $&?"), "C $&");
  assert.equal(translated(words, "Stopped"), undefined);
  assert.equal(translated(words, "toString"), undefined);
});

test("both sides of each entry have as many places", () => {
  const places = (/** @type {string} */ text) => text.match(/\{\d?\}/g)?.length ?? 0;
  for (const [english, other] of Object.entries(WORDS)) {
    const unsaid = /nothing of|then nothing/.test(english) ? 1 : 0; // how long the page waited
    assert.equal(places(other), places(english) - unsaid, english);
  }
});

test("no translation is a word of the table with another meaning, which would be translated again", () => {
  for (const other of Object.values(WORDS)) assert.ok([undefined, other].includes(translated(WORDS, other)), other);
});

test("the address chooses a language by its first part; others are English", () => {
  const chosen = (/** @type {string} */ lang) => readOptions(`?lang=${lang}`, []).options.lang;
  assert.deepEqual(["de", "de-AT", "DE_ch", "fr", "", "toString"].map(chosen), ["de", "de", "de", "en", "en", "en"]);
  assert.equal(readOptions("", []).options.lang, "en");
  assert.deepEqual(readOptions("?lang=xx", []).problems, [], "as a tracking parameter, it is no mistake");
  assert.deepEqual(LANGUAGES, ["en", "de"]);
});
