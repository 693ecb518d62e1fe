/**
 * What this browser keeps of one server, in `localStorage`: the device's nick and secrets, and for each account its
 * rooms, positions, read marks, drafts and unsent lines.
 *
 * Every value has a key of its own, and so has every unsent line, so two windows of one browser disturb each other
 * little. One of them has the chat: the one that was opened last.
 *
 * Where nothing can be kept, since the browser forbids it or its storage is full, this window remembers it, says so,
 * and tries again.
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
 * A post that is kept: its order among those of all windows, and what else of it changes.
 *
 * @typedef {{at: number, wasSent?: boolean, order: number}} Kept
 */
/**
 * A post that came back: too old, or refused with these words.
 *
 * @typedef {Unsent & {why?: string}} Returned
 */

export class Store {
  #server;
  #account;
  #storage;
  #window = newId();
  /** @type {string | undefined} who had the chat once it was ours: an earlier window, if that could not be written */
  #claimed;
  /** @type {Map<string, Kept>} this window's posts that have no answer, by id */
  #unanswered = new Map();
  /** @type {Map<string, string>} what this window has written: most of it is the same once a frame */
  #written = new Map();
  /** @type {Map<string, string>} what this window remembers, since it could not be written */
  #unwritten = new Map();
  #isForgotten = false;

  /**
   * @param {string} server the address of the page
   * @param {Storage | undefined} storage
   */
  constructor(server, storage = storageOfBrowser()) {
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
    if (this.#account !== (device.account ?? "")) this.#unanswered.clear(); // they are kept for the other one
    this.#account = device.account ?? "";
  }

  /** Whether this browser lets the page keep anything. */
  get isAllowed() {
    return this.#storage !== undefined;
  }

  /** Whether all is kept. */
  get isComplete() {
    return this.#unwritten.size === 0;
  }

  /** Whether what its user has typed would be lost with this window. */
  get holdsLines() {
    const prefixes = ["unsent ", "returned", "draft "].map((name) => this.#own(name));
    const names = [...this.#unwritten].filter(([, text]) => text !== "[]").map(([name]) => name);
    return names.some((name) => prefixes.some((prefix) => name.startsWith(prefix)));
  }

  /** Whether all that is known of this device is kept. */
  get keepsDevice() {
    return !this.#unwritten.has(`${this.#server} device`);
  }

  /** Whether the key of this device would be lost with this window: no text that is kept has it. */
  get losesKey() {
    const { key, joining } = this.device;
    const secret = joining?.key ?? key;
    return secret !== undefined && !JSON.stringify(this.#read(`${this.#server} device`, null) ?? "").includes(secret);
  }

  /** Try again to keep what could not be kept. */
  retry() {
    for (const [name, text] of [...this.#unwritten]) this.#put(name, text);
  }

  /** Forget all that is kept of this server, and keep nothing more. */
  forget() {
    for (const name of this.#names(`${this.#server} `)) this.#write(name, undefined);
    this.#unwritten.clear();
    this.#isForgotten = true;
  }

  /** Note that this window goes on with the chat, and no other one. */
  claim() {
    const name = `${this.#server} window`;
    this.#written.delete(name); // another window may have written it since
    this.#write(name, this.#window);
    this.#unwritten.delete(name); // written later, it would take the chat from a later window
    this.#claimed = this.#read(name);
  }

  /** Whether no other window goes on with the chat. */
  get isOurs() {
    return [undefined, this.#window, this.#claimed].includes(this.#read(`${this.#server} window`));
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

  /** @returns {string[]} rooms in which something is being written */
  get drafts() {
    const prefix = this.#own("draft ");
    return this.#names(prefix).map((name) => name.slice(prefix.length));
  }

  /** @returns {Unsent[]} what has no answer yet, from whichever window, first to last */
  get unsent() {
    const posts = this.#names(this.#own("unsent ")).map((name) => this.#read(name)).filter((post) => post !== undefined);
    return posts.sort((one, other) => one.order - other.order).map(({ order: _, ...post }) => post);
  }

  /**
   * Keep this window's posts that have no answer. Those of others stay. What is kept already is not touched, so a line
   * costs the same however many wait before it.
   *
   * @param {Unsent[]} unsent
   */
  keepUnsent(unsent) {
    const kept = new Map(unsent.map((post) => [post.id, this.#keepPost(post)]));
    for (const id of this.#unanswered.keys()) if (!kept.has(id)) this.#write(this.#own(`unsent ${id}`), undefined);
    this.#unanswered = kept;
  }

  /**
   * @param {Unsent} post
   * @returns {Kept}
   */
  #keepPost(post) {
    const known = this.#unanswered.get(post.id);
    if (known?.at === post.at && known.wasSent === post.wasSent) return known;
    const name = this.#own(`unsent ${post.id}`);
    const order = known?.order ?? this.#read(name)?.order ?? this.#nextOrder();
    this.#write(name, { ...post, order });
    return { at: post.at, wasSent: post.wasSent, order };
  }

  /** @returns {number} the place of a new post, behind all of this browser */
  #nextOrder() {
    const order = (this.#read(this.#own("last")) ?? 0) + 1;
    this.#write(this.#own("last"), order);
    return order;
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
    const names = [...this.#keys].filter((key) => key.startsWith("chatcore ")).map((key) => key.slice("chatcore ".length));
    const all = new Set([...names, ...this.#unwritten.keys()]);
    return [...all].filter((name) => name.startsWith(prefix));
  }

  get #keys() {
    const storage = this.#storage;
    try {
      return Array.from({ length: storage?.length ?? 0 }, (_, index) => storage?.key(index) ?? "");
    } catch {
      return [];
    }
  }

  /**
   * @param {string} name
   * @param {string | null} [text] what is remembered, if that counts
   */
  #read(name, text = this.#unwritten.get(name) ?? null) {
    try {
      return JSON.parse(text ?? this.#storage?.getItem(`chatcore ${name}`) ?? "null") ?? undefined;
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
    if (this.#isForgotten) return;
    if (text !== undefined && (this.#unwritten.get(name) ?? this.#written.get(name)) === text) return;
    this.#put(name, text);
  }

  /**
   * @param {string} name
   * @param {string | undefined} text
   */
  #put(name, text) {
    this.#written.delete(name);
    this.#unwritten.delete(name);
    try {
      if (text === undefined) return this.#storage?.removeItem(`chatcore ${name}`);
      if (this.#storage === undefined) throw new Error("the browser keeps nothing");
      this.#storage.setItem(`chatcore ${name}`, text);
      this.#written.set(name, text);
    } catch {
      if (text !== undefined) this.#unwritten.set(name, text);
    }
    return undefined;
  }
}

/** What this browser keeps pages' data in, or nothing where it forbids that. */
function storageOfBrowser() {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
