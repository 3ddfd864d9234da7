/**
 * Printed text in a block of the page, as a terminal shows it: after a carriage return, text overwrites its line from the
 * beginning. `overwritten` in `app/cells/outputs.py` does the same for outputs made by the build.
 */
export class PrintedText {
  /** @param {HTMLElement} block */
  constructor(block) {
    this.line = "";
    this.column = 0;
    /** The line that is not complete yet. */
    this.node = document.createTextNode("");
    block.append(this.node);
  }

  /** @param {string} text */
  write(text) {
    /** @type {string[]} */
    const complete = [];
    text.split("\n").forEach((part, k) => {
      if (k) {
        complete.push(this.line, "\n");
        this.line = "";
        this.column = 0;
      }
      part.split("\r").forEach((piece, j) => this.#type(piece, j > 0));
    });
    if (complete.length) this.node.before(complete.join(""));
    this.node.data = this.line;
  }

  /** @param {string} piece @param {boolean} returned whether it begins at the beginning of the line */
  #type(piece, returned) {
    if (returned) this.column = 0;
    const end = this.column + piece.length;
    this.line = this.line.slice(0, this.column) + piece + this.line.slice(end);
    this.column = end;
  }
}
