/**
 * The worker: starts Python, from a snapshot if this browser has one, and answers the page's messages. It handles
 * messages and files, not figures or controls. Its name gives its role: "instruments" (or empty) or "cells", followed by
 * "fresh" to start without a snapshot; or "snapshot", a role and names of instruments, to make the snapshot for later
 * visits.
 *
 * @typedef {import("../page/protocol.js").ToWorker} ToWorker
 * @typedef {import("../page/protocol.js").FromWorker} FromWorker
 * @typedef {import("../page/protocol.js").Stage} Stage
 * @typedef {import("../page/protocol.js").Slot} Slot
 * @typedef {import("./clients.js").Client} Client
 * @typedef {[slot: string, values: string, patch: string, buffers: Map<string, ArrayBuffer>]} PatchParts
 * @typedef {ArrayLike<any> & {buffer: ArrayBuffer}} TypedArray
 * @typedef {import("./snapshot.js").Kept} Kept
 */
import { NotDownloaded } from "../files/download.js";
import { Clients } from "./clients.js";
import { Worker } from "./confine.js";
import { addFiles, addInstrument, addPack, requestInstrument, startFromPacks, startInterpreter } from "./interpreter.js";
import { boundMemory, usedUp } from "./memory.js";
import { followDownloads, HERE } from "./packs.js";
import { RevocableSignal } from "./revocable_signal.js";
import { findSnapshot, forgetSnapshot, keepSnapshot, whyNot } from "./snapshot.js";

/** Where a message's failure is reported, if not at an instrument. @type {Record<string, "cell" | "output">} */
const WHERE = { run_cell: "cell", output_drawn: "output", output_patch: "output", output_close: "output", theme: "output", ask: "output" };

const [NAME, ...OPTIONS] = self.name.split(" ");

/** Whose interpreter this is. @type {import("./snapshot.js").Role} */
const ROLE = [NAME, OPTIONS[0]].includes("cells") ? "cells" : "instruments";

/** A snapshot is made after the reader has been idle this long, so that it does not disturb. */
const QUIET_MS = 3000;

const clients = new Clients(/** @type {any} */ (self));

/** @param {FromWorker} message @param {Transferable[]} [transfer] */
const send = (message, transfer) => clients.send(message, transfer);

/** @param {Stage} stage @param {Client} [client] */
const reached = (stage, client) => clients.reached(stage, client);

/** Whether the start is over for a client, or for any of them. @param {Client} [client] */
const isLive = (client) => (client ? [client] : [...clients.all.values()]).some(({ stages }) => stages.has("live"));

/** Time slice of long work between two messages: while the reader moves a control, and otherwise. */
const SLICE_MS = { moving: 8, resting: 40 };

/** The reader counts as moving a control until this long after the last change. */
const RESTS_MS = 250;

/** Python, and the answers to the page's messages. */
class Lab {
  /** @param {any} python @param {boolean} hasFiles */
  constructor(python, hasFiles) {
    this.python = python;
    this.api = python.globals.get("api");
    this.restored = !hasFiles;
    this.run = 0;
    /** @type {Uint8Array | RevocableSignal | undefined} */ this.signal = undefined;
    /** @type {Promise<void> | undefined} */ this.files = hasFiles ? Promise.resolve() : undefined;
    /** @type {Map<string, Promise<void>>} */ this.added = new Map();
    /** Slots with long work that has not ended. @type {Set<string>} */ this.working = new Set();
    this.moved = 0;
    this.api.connect(
      (/** @type {string} */ slot, /** @type {string} */ head, /** @type {TypedArray[]} */ arrays) =>
        send({ type: "state", slot, head, arrays }, arrays.map(({ buffer }) => buffer)),
      (/** @type {PatchParts} */ ...[slot, , patch, buffers]) =>
        send({ type: "patch", slot, patch, buffers }, [...buffers.values()]),
      (/** @type {any} */ kind, /** @type {string} */ body, /** @type {number} */ line) =>
        send({ type: "output", run: this.run, kind, body, line }),
      (/** @type {number} */ lines, /** @type {number} */ others) => send({ type: "left_out", run: this.run, lines, others }),
      (/** @type {string} */ slots, /** @type {string} */ failed, /** @type {string} */ body, /** @type {number} */ line, /** @type {string} */ hint) =>
        send({ type: "edited", slots: JSON.parse(slots), failed, body, line, hint }),
    );
    python._api.on_fatal = (/** @type {any} */ error) => send({ type: "broken", message: died(error) });
  }

  /** Sends the changes in an instrument; long work continues when no message waits. @param {string} slot */
  reply(slot) {
    const moving = performance.now() - this.moved < RESTS_MS;
    if (this.api.answer(slot, moving ? SLICE_MS.moving : SLICE_MS.resting)) this.working.add(slot);
    else this.working.delete(slot);
  }

  /** Gives a slice to some unfinished work, if there is any; returns its slot. */
  goOn() {
    const [slot] = this.working;
    if (slot === undefined) return undefined;
    this.working.delete(slot); // round robin
    this.reply(slot);
    return slot;
  }

  /** Resolves when all files are there that a client's instruments may import or read. @param {Client} client */
  async withFiles(client) {
    await (this.files ??= addFiles(this.python));
    await Promise.all(Array.from(client.instruments, (name) => this.#withInstrument(name)));
  }

  /** Resolves when a message can be answered without a download, or none can be had. @param {Client} client @param {ToWorker} message */
  async provide(client, message) {
    if (message.type === "open") client.instruments.add(message.slot.name);
    if (this.#needsFiles(message)) await this.withFiles(client).catch(() => {}); // reported where it is needed
  }

  /** The computation may import a module for the first time. @param {ToWorker} message */
  #needsFiles(message) {
    if (message.type === "open") return this.files !== undefined || !this.api.knows(message.slot.name);
    return ["set", "act", "export", "preset", "restore", "edit"].includes(message.type);
  }

  /** @param {string} name */
  #withInstrument(name) {
    if (!this.added.has(name)) this.added.set(name, addInstrument(this.python, name));
    return this.added.get(name);
  }

  /** Closes the places of a client that has left. @param {Client} client */
  part({ slots }) {
    for (const slot of slots) {
      this.api.close(slot);
      this.working.delete(slot);
    }
  }

  /** Resolves when all files are there that a cell may import. */
  async withLibrary() {
    await this.withFiles(clients.first);
    await Promise.all([addPack(this.python, "cells"), addPack(this.python, "on_demand")]);
    this.api.cells.document_numpy();
  }

  /** @param {ToWorker} message @param {Client} client */
  async answer(message, client) {
    const { api } = this;
    if (this.#needsFiles(message)) await this.withFiles(client);
    switch (message.type) {
      case "open": {
        const { slot, name, state, asked, embedded, query, beside, locked = [] } = message.slot;
        client.slots.add(slot);
        const problems = api.open(slot, name, state, asked, embedded, query ?? undefined, beside ?? "", locked);
        send({ type: "opened", slot, problems: problems.toJs() });
        problems.destroy();
        reached("built", client);
        this.reply(slot);
        break;
      }
      case "close":
        api.close(message.slot);
        client.slots.delete(message.slot);
        this.working.delete(message.slot);
        break;
      case "nothing_to_draw":
      case "drawn":
        this.live(client);
        break;
      case "set": {
        const began = performance.now();
        this.moved = began;
        try {
          api.set(message.slot, message.values);
          this.reply(message.slot);
        } finally {
          send({ type: "idle", slot: message.slot, ms: performance.now() - began });
        }
        break;
      }
      case "act":
        try {
          api.act(message.slot, message.message);
          this.reply(message.slot);
        } finally {
          send({ type: "idle", slot: message.slot });
        }
        break;
      case "export":
        send({
          type: "exported", slot: message.slot,
          text: message.kind === "csv" ? api.export(message.slot) : api.picture(message.slot, message.theme, message.address),
        });
        break;
      case "preset":
        try {
          api.preset(message.slot, message.values, message.keep);
          this.reply(message.slot);
        } finally {
          send({ type: "idle", slot: message.slot });
        }
        break;
      case "restore":
        api.restore(message.instrument, message.name);
        break;
      case "edit": {
        await addPack(this.python, "cells"); // it formats errors
        this.begin(message.run);
        const began = performance.now();
        const ok = api.edit(message.instrument, message.name, message.code);
        send({ type: "cell_done", run: this.run, ok, ms: performance.now() - began });
        break;
      }
      case "signal":
        this.watchSignal(message.signal);
        break;
      case "run_cell": {
        await this.withLibrary();
        this.begin(message.run);
        const began = performance.now();
        const ok = api.run_cell(message.label, message.code, message.above, message.checks, message.starter);
        if (!ok && usedUp(this.python)) send({ type: "broken", message: USED_UP });
        else send({ type: "cell_done", run: this.run, ok, ms: performance.now() - began });
        break;
      }
      case "output_drawn":
        api.link_output(message.slot);
        send({ type: "idle", slot: message.slot });
        break;
      case "output_patch": {
        const problem = api.cells.patch(message.slot, message.patch);
        if (problem) send({ type: "failed", where: "output", slot: message.slot, message: problem });
        send({ type: "idle", slot: message.slot });
        break;
      }
      case "output_close":
        api.cells.close(message.slot);
        break;
      case "theme":
        api.cells.set_theme(message.theme);
        break;
      case "ask": {
        const { ask, what, before } = message;
        const found = what === "complete" ? api.cells.complete(before) : api.cells.signature(before);
        send({ type: "answer", ask, found });
      }
    }
  }

  /** From now on Python looks at this while it computes. @param {Uint8Array | string} given */
  watchSignal(given) {
    const signal = typeof given === "string" ? new RevocableSignal(given) : given;
    if (signal instanceof RevocableSignal && !this.signal) {
      if (!signal.canBeRequested()) return; // a policy of the host forbids it: each look would be an interrupt
      send({ type: "interruptible" });
    }
    this.signal = signal;
    this.python.setInterruptBuffer(signal);
  }

  /** Tells the page that code of the reader begins: from now on an interrupt stops it. @param {number} run */
  begin(run) {
    this.run = run;
    send({ type: "cell_began", run });
  }

  /** The start is over for a client. @param {Client} client */
  live(client) {
    const first = !isLive();
    reached("live", client);
    if (first) this.api.started();
    if (ROLE === "cells") this.withLibrary().catch(() => {}); // retried, and reported, by the first cell
    else this.withFiles(client).catch(() => {}); // as above, by the first message that needs them
  }
}

const USED_UP = "The memory limit of Python (1 GB) was reached. Python was restarted.";

/** @param {any} error */
const died = (error) =>
  error instanceof RangeError
    ? "The code recursed too deeply for this browser, and Python crashed. It was restarted."
    : `Python crashed with an internal error (${lastLine(error)}). It was restarted.`;

/** @param {Kept} kept */
async function startFromSnapshot({ memory, checked, handles }) {
  const python = await startInterpreter({ memory, handles });
  await checked; // the check ran during the restore
  python.globals.get("api").wake_up();
  reached("interpreter");
  return new Lab(python, false);
}

/** @param {Kept | undefined} kept */
async function start(kept) {
  if (!kept) return new Lab(await startFromPacks(reached, { cells: ROLE === "cells" }), true);
  try {
    const lab = await startFromSnapshot(kept);
    send({ type: "snapshot", state: "restored" });
    return lab;
  } catch (error) {
    if (error instanceof NotDownloaded) throw error; // the snapshot is not to blame
    return startAgain(error);
  }
}

/**
 * Called when the snapshot cannot be used: the page replaces this worker by a new one.
 * @param {any} error
 */
async function startAgain(error) {
  send({ type: "snapshot", state: lastLine(error) });
  await forgetSnapshot(ROLE);
  send({ type: "start_again" });
  return /** @type {Promise<never>} */ (new Promise(() => {}));
}

/**
 * The last line of a Python traceback: the error's class and message. A failed download is a whole sentence and needs no class.
 * @param {any} error
 */
const lastLine = (error) => (String(error?.message ?? error).trim().split("\n").at(-1) ?? "").replace(/^OSError: /, "");

/** Answers the messages of all clients, one after the other. */
function serve() {
  reached("worker");
  followDownloads(() => send({ type: "downloading" }));
  boundMemory();
  const fresh = OPTIONS[0] === "fresh";
  const found = fresh ? Promise.resolve(undefined) : findSnapshot(ROLE);
  const started = found.then(start);
  started.catch((error) => {
    if (error instanceof NotDownloaded && error.renewed && !fresh) send({ type: "start_again" });
    else send({ type: "failed", where: "start", message: lastLine(error) });
  });
  let waiting = 0; // unanswered messages

  /** @param {Lab} lab @param {ToWorker} message @param {Client} client */
  const receive = async (lab, message, client) => {
    if (lab.signal instanceof RevocableSignal) lab.signal.begin();
    else if (lab.signal) lab.signal[0] = 0; // an interrupt of an earlier message
    try {
      await lab.answer(message, client);
    } catch (error) {
      if (message.type === "run_cell" && lastLine(error).startsWith("KeyboardInterrupt")) {
        send({ type: "cell_done", run: message.run, ok: false, ms: 0 }); // stopped before its own code ran
        return;
      }
      const unfinished = error instanceof NotDownloaded && message.type === "open" && !isLive(client);
      const where = unfinished ? "start" : (WHERE[message.type] ?? "instrument");
      if (message.type === "open" && !unfinished) lab.live(client); // Python is live, though this instrument is not
      const slot = "slot" in message ? (typeof message.slot === "string" ? message.slot : message.slot.slot) : undefined;
      send({ type: "failed", where, slot, message: lastLine(error) });
    }
  };
  /** Long work, a slice at a time, as long as no message waits. @param {Lab} lab */
  const goOn = (lab) => {
    if (waiting || !lab.working.size) return;
    const [slot] = lab.working;
    try {
      lab.goOn();
    } catch (error) {
      send({ type: "failed", where: "instrument", slot, message: lastLine(error) });
    }
    nextTask(() => goOn(lab));
  };
  const maker = new Maker(fresh ? "this Python was restarted" : "");
  started.then((lab) => (maker.done ||= lab.restored), () => {});
  /** @type {Promise<any>} */
  let queue = started;
  /** @param {Client} client @param {ToWorker} sent */
  const take = (client, sent) => {
    if (sent.type === "watch") return holdLock(sent.lock, client);
    const message = client.read(sent);
    if (message.type === "open")
      found.then((kept) => {
        if (!kept) requestInstrument(message.slot.name).catch(() => {}); // reported where it is added
      });
    const provided = client.line.then(async () => (await started).provide(client, message));
    client.line = provided.then(() => {
      if (!clients.all.has(client.number)) return; // it has left
      waiting++;
      queue = queue.then(async () => {
        const lab = await started;
        await receive(lab, message, client);
        maker.postpone(message);
        if (!--waiting && lab.working.size) nextTask(() => goOn(lab));
      });
    });
    client.line.catch(() => {}); // the start has failed, which has been said
  };
  self.onmessage = ({ data }) => {
    if (data.type === "join") {
      const client = clients.join(data.client, data.port);
      data.port.onmessage = (/** @type {MessageEvent<ToWorker>} */ event) => take(client, event.data);
    } else if (data.type === "leave") {
      const client = clients.leave(data.client);
      if (client) queue = queue.then(async () => (await started).part(client));
    } else take(clients.first, data);
  };
}

/** Holds a lock for as long as this worker lives, by which a page notices its end. @param {string} name @param {Client} client */
function holdLock(name, client) {
  const held = () => {
    client.port.postMessage({ type: "watched" }, []);
    return new Promise(() => {});
  };
  navigator.locks?.request(name, held).catch(() => {}); // refused in some frames
}

const tasks = new MessageChannel();
/** @type {(() => void)[]} */
const waitingTasks = [];
tasks.port1.onmessage = () => waitingTasks.shift()?.();

/** Calls `act` after the messages that have arrived so far; a timer would wait 4 ms. @param {() => void} act */
function nextTask(act) {
  waitingTasks.push(act);
  tasks.port2.postMessage(undefined);
}

/** Makes a snapshot, in a separate worker, after the reader has been idle for a while. */
class Maker {
  /** @param {string} refusal why none is to be made, "" if one may be */
  constructor(refusal) {
    this.refusal = refusal;
    /** The instruments on the page. @type {Set<string>} */ this.instruments = new Set();
    /** @type {number | undefined} */ this.timer = undefined;
    /** @type {Worker | undefined} */ this.worker = undefined;
    this.asked = false;
    this.done = false;
  }

  /** Postpones the snapshot: Python has work to do for the reader. @param {ToWorker} message */
  postpone(message) {
    if (message.type === "open") this.instruments.add(message.slot.name);
    this.worker?.terminate();
    clearTimeout(this.timer);
    if (this.done || !isLive()) return;
    this.timer = setTimeout(() => this.#make(), QUIET_MS);
    if (!this.asked) this.#ask();
  }

  /** Says at once if there will be no snapshot: the page waits for it with what is less urgent. */
  async #ask() {
    this.asked = true;
    const reason = this.refusal || (await whyNot(ROLE));
    if (!reason) return;
    clearTimeout(this.timer);
    this.#end(`none: ${reason}`);
  }

  async #make() {
    this.worker = new Worker(HERE, { type: "module", name: ["snapshot", ROLE, ...this.instruments].join(" ") });
    this.worker.onmessage = ({ data }) => this.#end(data);
    this.worker.onerror = () => this.#end("none: its worker could not be loaded");
  }

  /** @param {string} state */
  #end(state) {
    if (this.done) return;
    this.done = true;
    send({ type: "snapshot", state });
  }
}

if (NAME === "snapshot") {
  keepSnapshot(ROLE, OPTIONS.slice(1))
    .then((kept) => self.postMessage(kept ? "kept" : "none"), (error) => self.postMessage(lastLine(error)))
    .finally(() => self.close());
} else serve();
