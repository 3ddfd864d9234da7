/**
 * The pages that one interpreter answers. The page that has started the worker is client 0. Frames of the lab on the same
 * page may join it through a port each (`embed/share.js`). Every client has its own places for instruments, its own
 * stages and its own line of messages, whose downloads delay no other client.
 *
 * @typedef {import("../page/protocol.js").ToWorker} ToWorker
 * @typedef {import("../page/protocol.js").FromWorker} FromWorker
 * @typedef {import("../page/protocol.js").Stage} Stage
 * @typedef {{postMessage(message: any, transfer: Transferable[]): void}} Port
 */

/** Stages that each client reaches by itself; the others are those of the interpreter. */
const OWN_STAGES = ["built", "live"];

export class Client {
  /** @param {number} number @param {Port} port */
  constructor(number, port) {
    this.number = number;
    this.port = port;
    /** Names of the instruments that it has asked for. @type {Set<string>} */ this.instruments = new Set();
    /** Its open places, by the names that the interpreter has for them. @type {Set<string>} */ this.slots = new Set();
    /** @type {Set<Stage>} */ this.stages = new Set();
    /** Resolves when its messages so far are in the interpreter's queue. @type {Promise<void>} */ this.line = Promise.resolve();
  }

  /** The interpreter's name for one of the client's places. @param {string} slot */
  slot(slot) {
    return this.number ? `${this.number}/${slot}` : slot;
  }

  /** A message of the client with the interpreter's name for its place. @param {any} message @returns {ToWorker} */
  read(message) {
    if (message.type === "open") {
      const { slot, beside } = message.slot;
      return { ...message, slot: { ...message.slot, slot: this.slot(slot), ...(beside && { beside: this.slot(beside) }) } };
    }
    return "slot" in message ? { ...message, slot: this.slot(message.slot) } : message;
  }
}

export class Clients {
  /** @param {Port} page the page that has started the worker */
  constructor(page) {
    this.first = new Client(0, page);
    this.all = new Map([[0, this.first]]);
    /** What is said to a client that joins later. @type {FromWorker[]} */ this.said = [];
  }

  /** @param {number} number @param {Port} port */
  join(number, port) {
    const client = new Client(number, port);
    this.all.set(number, client);
    for (const message of this.said) this.#post(client, message.type === "stage" ? { ...message, at: now() } : message);
    return client;
  }

  /** Returns the client that has left. @param {number} number */
  leave(number) {
    const client = this.all.get(number);
    this.all.delete(number);
    return client;
  }

  /** Sends a message to the client whose place it concerns, to all, or to the first, which alone runs code of a reader. @param {FromWorker} message @param {Transferable[]} [transfer] */
  send(message, transfer = []) {
    if ("slot" in message && typeof message.slot === "string") {
      const [, number, slot] = message.slot.match(/^(\d+)\/(.*)$/) ?? ["", "0", message.slot];
      const client = this.all.get(Number(number));
      if (client) this.#post(client, { ...message, slot }, transfer);
    } else if (["stage", "snapshot", "start_again", "broken", "failed", "downloading"].includes(message.type)) {
      this.said.push(message);
      for (const client of this.all.values()) this.#post(client, message);
    } else this.#post(this.first, message, transfer);
  }

  /** Says, once, that a stage of the start is over: of the interpreter, or of one client. @param {Stage} stage @param {Client} [client] */
  reached(stage, client = this.first) {
    if (client.stages.has(stage)) return;
    client.stages.add(stage);
    const message = /** @type {FromWorker} */ ({ type: "stage", stage, at: now() });
    if (OWN_STAGES.includes(stage)) this.#post(client, message);
    else this.send(message);
  }

  /** @param {Client} client @param {FromWorker} message @param {Transferable[]} [transfer] */
  #post(client, message, transfer = []) {
    client.port.postMessage(message, transfer);
  }
}

const now = () => performance.timeOrigin + performance.now();
