/**
 * Completion and signatures in the editor, from the cells' Python. Fallback while Python is busy or not started: words
 * from the page's cells and Python's keywords.
 *
 * @typedef {import("./completion_client.js").CompletionClient} CompletionClient
 * @typedef {import("./completion_client.js").Signature} Signature
 * @typedef {{completions: CompletionClient, words: () => string[]}} Help
 */
import { acceptCompletion, autocompletion, completionStatus, moveCompletionSelection } from "@codemirror/autocomplete";
import { syntaxTree } from "@codemirror/language";
import { Prec, StateEffect, StateField } from "@codemirror/state";
import { EditorView, keymap, showTooltip, ViewPlugin } from "@codemirror/view";

/** Idle time of the cursor before a signature is requested. */
const REST_MS = 150;

/** Above this number of options Python sends names without descriptions; see `MAX_DESCRIBED` in app/cells/completion.py. */
const MANY = 80;

const KEYWORDS =
  "and as assert break class continue def del elif else except False finally for from global if import in is lambda None nonlocal not or pass print raise range return True try while with yield".split(" ");

/** @param {Help} help */
export function completing(help) {
  return [
    // Nothing is selected at first, so that Enter begins a new line after a complete word. A selection is then always
    // intended, so that keys need no delay right after the list has opened.
    autocompletion({
      override: [(context) => complete(context, help)],
      icons: false,
      selectOnOpen: false,
      interactionDelay: 0,
    }),
    Prec.high(keymap.of([{ key: "Tab", run: acceptFirst }])), // else Tab indents
    signatureField,
    signatures(help.completions),
  ];
}

const chooseNext = moveCompletionSelection(true);

/** Accepts the selected option, else the first; false where no list is open. @param {EditorView} view */
const acceptFirst = (view) => acceptCompletion(view) || (chooseNext(view) && acceptCompletion(view));

/** @param {import("@codemirror/autocomplete").CompletionContext} context @param {Help} help */
async function complete(context, help) {
  const before = context.state.sliceDoc(0, context.pos);
  const word = /[\p{L}_][\p{L}\p{N}_]*$/u.exec(before)?.[0] ?? "";
  if (!word && !context.explicit && !before.endsWith(".")) return null;
  const found = await help.completions.complete(before);
  if (found === null || context.aborted) return null;
  const options = found
    ? found.options.map(({ label, kind, detail, info, boost }) => ({ label, type: kind, detail, info: info || undefined, boost }))
    : inText(context) || before.slice(0, -word.length || undefined).endsWith(".") ? [] : words(word, help);
  if (!options.length) return null;
  const namesOnly = options.length > MANY; // so that a longer word is requested again, with descriptions
  return { from: context.pos - (found?.length ?? word.length), options, validFor: namesOnly ? undefined : /^[\p{L}\p{N}_]*$/u };
}

/** Options that need no Python. @param {string} word being typed @param {Help} help */
const words = (word, help) =>
  [...new Set([...help.words(), ...KEYWORDS])].filter((label) => label !== word).sort().map((label) => ({ label }));

/** Whether the cursor is in a string or a comment. @param {import("@codemirror/autocomplete").CompletionContext} context */
const inText = ({ state, pos }) => /String|Comment/.test(syntaxTree(state).resolveInner(pos, -1).name);

// --- signatures ------------------------------------------------------------------------------------------------------

/** @typedef {{at: number, signature: Signature} | null} Shown  A signature above the place `at`. */

/** @type {import("@codemirror/state").StateEffectType<any>} of `Shown` */
const setSignature = StateEffect.define();

/** @type {StateField<any>} of `Shown` */
const signatureField = StateField.define({
  create: () => /** @type {Shown} */ (null),
  update(shown, transaction) {
    for (const effect of transaction.effects) if (effect.is(setSignature)) return effect.value;
    const moved = shown && transaction.docChanged ? { ...shown, at: transaction.changes.mapPos(shown.at) } : shown;
    return moved && callAround(transaction.state) === moved.at ? moved : null;
  },
  provide: (field) =>
    showTooltip.from(field, (shown) => shown && { pos: shown.at, above: true, create: () => ({ dom: drawn(shown.signature) }) }),
});

/** Position of the opening bracket of the call around the cursor; -1 outside any call. @param {import("@codemirror/state").EditorState} state */
function callAround(state) {
  const { head } = state.selection.main;
  /** @type {import("@lezer/common").SyntaxNode | null} */
  let node = syntaxTree(state).resolveInner(head, -1);
  for (; node; node = node.parent) {
    const closed = node.lastChild?.name === ")" && head >= node.to;
    if (node.name === "ArgList" && head > node.from && !closed) return node.from;
  }
  return -1;
}

/** @param {Signature} signature */
function drawn({ name, parameters, current, doc }) {
  const dom = document.createElement("div");
  dom.className = "signature";
  dom.setAttribute("role", "tooltip");
  const line = document.createElement("code");
  line.append(`${name}(`);
  parameters.forEach((text, k) => {
    const part = document.createElement(k === current ? "b" : "span");
    part.textContent = text;
    line.append(k ? ", " : "", part);
  });
  line.append(")");
  dom.append(line);
  if (doc) {
    const words = document.createElement("p");
    words.textContent = doc;
    dom.append(words);
  }
  return dom;
}

/** Requests a signature when the cursor rests in a call. @param {CompletionClient} completions */
function signatures(completions) {
  /** @type {number | undefined} */ let timer;
  /** @param {EditorView} view */
  const look = async (view) => {
    const { state } = view;
    const at = view.hasFocus ? callAround(state) : -1;
    if (at < 0) return;
    const signature = await completions.signature(state.sliceDoc(0, state.selection.main.head));
    if (view.state !== state) return;
    view.dispatch({ effects: setSignature.of(signature ? { at, signature } : null) });
  };
  return [
    ViewPlugin.define((view) => ({
      update(update) {
        if (!update.docChanged && !update.selectionSet) return;
        clearTimeout(timer);
        timer = window.setTimeout(look, REST_MS, view);
      },
      destroy: () => clearTimeout(timer),
    })),
    EditorView.domEventHandlers({
      blur: (_event, view) => {
        if (view.state.field(signatureField)) view.dispatch({ effects: setSignature.of(null) });
      },
      keydown: (event, view) => {
        if (event.key === "Escape" && !completionStatus(view.state)) {
          clearTimeout(timer); // a look that is still to come would open it again
          view.dispatch({ effects: setSignature.of(null) });
        }
        return false; // Escape also lets Tab leave the editor
      },
    }),
  ];
}
