/**
 * The editor of a cell: CodeMirror 6 with the extensions for Python. A separate chunk, loaded when a cell comes near.
 *
 * @typedef {{setCode(code: string): void, markLine(line: number): void}} Editor
 * @typedef {import("./completing.js").Help} Help
 */
import { closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { Annotation, EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { completing } from "./completing.js";

/** Maximum number of characters in a cell and in one of its lines: with more, typing would lag. */
const MAX_CODE = 100_000;
const MAX_LINE = 5_000;

/** Marks changes made by the page, which are not bounded. */
const fromPage = Annotation.define();

/** Why a change of the reader would make the code too long; "" if it would not. @param {import("@codemirror/state").Transaction} change */
function tooLong(change) {
  if (!change.docChanged || change.annotation(fromPage)) return "";
  if (change.newDoc.length > MAX_CODE) return `not inserted: a cell holds ${MAX_CODE.toLocaleString("en")} characters`;
  let longest = 0;
  change.changes.iterChangedRanges((_from, _to, from, to) => {
    for (let line = change.newDoc.lineAt(from); ; line = change.newDoc.line(line.number + 1)) {
      longest = Math.max(longest, line.length);
      if (line.to >= to) break;
    }
  });
  return longest > MAX_LINE ? `not inserted: a line holds ${MAX_LINE.toLocaleString("en")} characters` : "";
}

/** Marks the line that raised an error; 0 for none. @type {import("@codemirror/state").StateEffectType<number>} */
const failedLine = StateEffect.define();

const failedLineMark = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    let next = transaction.docChanged ? Decoration.none : marks;
    for (const effect of transaction.effects)
      if (effect.is(failedLine)) {
        const known = effect.value >= 1 && effect.value <= transaction.state.doc.lines;
        next = known
          ? Decoration.set(Decoration.line({ class: "failed-line" }).range(transaction.state.doc.line(effect.value).from))
          : Decoration.none;
      }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/**
 * Puts an editor in the place of the static code.
 * @param {HTMLElement} parent
 * @param {{code: string, label: string, run: () => void, changed: (code: string) => void,
 *   refused: (words: string) => void, help?: Help}} options  `refused`: called with the reason why a change is not made
 * @returns {Editor}
 */
export function openEditor(parent, { code, label, run, changed, refused, help }) {
  /** @param {EditorView} view */
  const runCode = (view) => (closeCompletion(view), run(), true);
  const runKey = { run: runCode, preventDefault: true };
  const view = new EditorView({
    state: EditorState.create({
      doc: code.replace(/\n$/, ""),
      extensions: [
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        indentUnit.of("    "),
        python(),
        EditorView.lineWrapping,
        syntaxHighlighting(classHighlighter),
        failedLineMark,
        help ? completing(help) : [],
        keymap.of([
          { key: "Mod-Enter", ...runKey },
          { key: "Shift-Enter", ...runKey },
          ...completionKeymap,
          ...closeBracketsKeymap,
          ...defaultKeymap,
          ...historyKeymap,
          indentWithTab, // Escape, then Tab, leaves the editor (CodeMirror's own rule)
        ]),
        EditorView.contentAttributes.of({ "aria-label": `${label}. Control-Enter runs it; Escape, then Tab, leaves it.` }),
        EditorState.transactionFilter.of((change) => {
          const words = tooLong(change);
          if (words) refused(words);
          return words ? [] : change;
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed(update.state.doc.toString() + "\n");
        }),
      ],
    }),
  });
  parent.replaceChildren(view.dom);
  return {
    setCode: (text) =>
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text.replace(/\n$/, "") }, annotations: fromPage.of(true) }),
    markLine: (line) => view.dispatch({ effects: failedLine.of(line) }),
  };
}
