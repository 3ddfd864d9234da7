/**
 * What a cell has put out, on the page.
 *
 * @typedef {Extract<import("./protocol.js").FromWorker, {type: "output"}>} Output
 */

export class Outputs {
  /** @param {HTMLElement} root holds what the build has put out */
  constructor(root) {
    this.root = root;
    this.original = root.innerHTML;
    /** Whether the next output takes the place of all that stands there. */
    this.fresh = false;
  }

  /** A run begins: what stands there stays until it has something to show, so that the page does not jump. */
  expect() {
    this.fresh = true;
  }

  /** What stands there is of another code than the one in the editor. @param {boolean} stale */
  mark(stale) {
    this.root.classList.toggle("stale", stale);
  }

  /** @param {Pick<Output, "kind" | "body">} output */
  show({ kind, body }) {
    this.settle();
    if (kind === "picture") {
      const holder = document.createElement("div");
      holder.className = "output picture";
      holder.innerHTML = body; // made by our own figure_svg, which escapes what comes from the reader
      this.root.append(holder);
      return;
    }
    const last = this.root.lastElementChild;
    if (kind === "text" && last?.classList.contains("text")) last.append(body);
    else {
      const block = document.createElement("pre");
      block.className = `output ${kind}`;
      block.textContent = body;
      this.root.append(block);
    }
  }

  /** Says how much was too much to show. @param {{lines: number, others: number}} left */
  leaveOut({ lines, others }) {
    this.settle();
    let note = /** @type {HTMLElement | null} */ (this.root.querySelector(".left-out"));
    if (!note) {
      note = document.createElement("p");
      note.className = "output left-out";
      this.root.append(note);
    }
    const parts = [lines && `${lines.toLocaleString("en")} lines`, others && `${others.toLocaleString("en")} pictures`];
    note.textContent = `… ${parts.filter(Boolean).join(" and ")} left out …`;
  }

  /** The run has ended, or shows its first output: what it had found is gone. */
  settle() {
    if (!this.fresh) return;
    this.fresh = false;
    this.root.replaceChildren();
    this.mark(false);
  }

  /** Back to what the build has put out. */
  reset() {
    this.fresh = false;
    this.root.innerHTML = this.original;
    this.mark(false);
  }
}
