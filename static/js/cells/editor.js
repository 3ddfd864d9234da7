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
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { completing } from "./completing.js";

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
 * @param {{code: string, label: string, run: () => void, changed: (code: string) => void, help?: Help}} options
 * @returns {Editor}
 */
export function openEditor(parent, { code, label, run, changed, help }) {
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
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed(update.state.doc.toString() + "\n");
        }),
      ],
    }),
  });
  parent.replaceChildren(view.dom);
  return {
    setCode: (text) =>
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text.replace(/\n$/, "") } }),
    markLine: (line) => view.dispatch({ effects: failedLine.of(line) }),
  };
}
