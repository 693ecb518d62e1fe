/**
 * What this browser keeps of one server, in `localStorage`: the device's nick and secrets, and for each account its
 * rooms, positions, read marks, drafts and unsent lines.
 *
 * Every value has a key of its own, and so has every unsent line, so two windows of one browser disturb each other
 * little. One of them has the chat: the one that was opened last. Where nothing can be kept,
 * as in some private windows, the page works until it is closed.
 *
 * @module
 */

import { newId } from "./client-frames.js";

/** @typedef {import("./client-posts.js").Unsent} Unsent */

/**
 * Who this browser is: `joining` is the key that an invite is shown with until the server lets it in.
 *
 * @typedef {{nick?: string, session?: string, key?: string, account?: string, joining?: {key: string, invite: string}}} Device
 */
/**
 * How far a room was read: by the client (`seq`), and by its user (`read`), with what is unread.
 *
 * @typedef {{epoch: string, seq: number, read: number, unread: number, mentions: number}} Place
 */
/**
 * A post that came back: too old, or refused with these words.
 *
 * @typedef {Unsent & {why?: string}} Returned
 */

/** What keeps nothing, where the browser gives us no storage. */
const NOTHING = /** @type {Storage} */ ({
  length: 0,
  clear() {},
  key: () => null,
  getItem: () => null,
  removeItem() {},
  setItem() {
    throw new Error("nothing can be kept here");
  },
});

/** The storage of this browser; some forbid even to look for it. */
function storageHere() {
  try {
    return localStorage ?? NOTHING;
  } catch {
    return NOTHING;
  }
}

export class Store {
  #server;
  #account;
  #storage;
  #window = newId();
  /** @type {Set<string>} ids of this window's posts that are kept */
  #unanswered = new Set();
  /** @type {Map<string, string | undefined>} what this window has written: most of it is the same once a frame */
  #written = new Map();
  /** @type {Map<string, string>} what could not be kept, for as long as this page lasts */
  #lost = new Map();
  #isForgotten = false;

  /**
   * @param {string} server the address of the page
   * @param {Storage} storage
   */
  constructor(server, storage = storageHere()) {
    this.#server = server;
    this.#storage = storage;
    this.#account = this.device.account ?? "";
  }

  /** @returns {Device} */
  get device() {
    return this.#read(`${this.#server} device`) ?? {};
  }

  /** @param {Device} device */
  keepDevice(device) {
    this.#write(`${this.#server} device`, device);
    this.#account = device.account ?? "";
  }

  /** Forget all that is kept of this server, and keep nothing more. */
  forget() {
    for (const name of this.#names(`${this.#server} `)) this.#write(name, undefined);
    this.#isForgotten = true;
  }

  /** Note that this window goes on with the chat, and no other one. */
  claim() {
    this.#write(`${this.#server} window`, this.#window);
  }

  /** Whether no other window goes on with the chat. */
  get isOurs() {
    return (this.#read(`${this.#server} window`) ?? this.#window) === this.#window;
  }

  /** @returns {{names: string[], active: string}} */
  get rooms() {
    return this.#read(this.#own("rooms")) ?? { names: [], active: "" };
  }

  /** @param {{names: string[], active: string}} rooms */
  keepRooms(rooms) {
    this.#write(this.#own("rooms"), rooms);
  }

  /**
   * @param {string} room
   * @returns {Place | undefined}
   */
  place(room) {
    return this.#read(this.#own(`place ${room}`));
  }

  /**
   * @param {string} room
   * @param {Place} place
   */
  keepPlace(room, place) {
    this.#write(this.#own(`place ${room}`), place);
  }

  /**
   * @param {string} room
   * @returns {string}
   */
  draft(room) {
    return this.#read(this.#own(`draft ${room}`)) ?? "";
  }

  /**
   * @param {string} room
   * @param {string} text
   */
  keepDraft(room, text) {
    this.#write(this.#own(`draft ${room}`), text || undefined);
  }

  /** @returns {Unsent[]} what has no answer yet, from whichever window, first to last */
  get unsent() {
    return this.#unsent.map(({ order: _, ...post }) => post);
  }

  /**
   * Keep this window's posts that have no answer; returns whether they are kept. Those of others stay.
   *
   * @param {Unsent[]} unsent
   */
  keepUnsent(unsent) {
    const orders = new Map(this.#unsent.map(({ id, order }) => [id, order]));
    let last = Math.max(0, ...orders.values());
    const kept = unsent.map((post) =>
      this.#write(this.#own(`unsent ${post.id}`), { ...post, order: orders.get(post.id) ?? ++last }));
    const ids = new Set(unsent.map(({ id }) => id));
    for (const id of this.#unanswered) if (!ids.has(id)) this.#write(this.#own(`unsent ${id}`), undefined);
    this.#unanswered = ids;
    return kept.every((isKept) => isKept);
  }

  /** @returns {(Unsent & {order: number})[]} */
  get #unsent() {
    const prefix = this.#own("unsent ");
    const posts = this.#names(prefix).map((name) => this.#read(name)).filter((post) => post !== undefined);
    return posts.sort((one, other) => one.order - other.order);
  }

  /** @returns {Returned[]} */
  get returned() {
    return this.#read(this.#own("returned")) ?? [];
  }

  /** @param {Returned[]} returned */
  keepReturned(returned) {
    this.#write(this.#own("returned"), returned);
  }

  /** @param {string} name */
  #own(name) {
    return `${this.#server} @${this.#account} ${name}`;
  }

  /** @param {string} prefix */
  #names(prefix) {
    const names = new Set(this.#lost.keys());
    for (let index = 0; index < this.#storage.length; index++) {
      const key = this.#storage.key(index) ?? "";
      if (key.startsWith("chatcore ")) names.add(key.slice("chatcore ".length));
    }
    return [...names].filter((name) => name.startsWith(prefix));
  }

  /** @param {string} name */
  #read(name) {
    try {
      return JSON.parse(this.#lost.get(name) ?? this.#storage.getItem(`chatcore ${name}`) ?? "null") ?? undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  #write(name, value) {
    const text = JSON.stringify(value);
    if (this.#isForgotten) return true;
    if (this.#written.has(name) && this.#written.get(name) === text) return true;
    try {
      if (text === undefined) this.#storage.removeItem(`chatcore ${name}`);
      else this.#storage.setItem(`chatcore ${name}`, text);
      this.#written.set(name, text);
      this.#lost.delete(name);
      return true;
    } catch {
      if (text === undefined) this.#lost.delete(name);
      else this.#lost.set(name, text);
      return false;
    }
  }
}
