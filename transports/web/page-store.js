/**
 * What this browser keeps of one server, in `localStorage`: the device's nick and secrets, and for each account its
 * rooms, positions, read marks, drafts and unsent lines.
 *
 * Every value has a key of its own, so two windows of one browser disturb each other little. Where nothing can be kept,
 * as in some private windows, the page works and forgets.
 *
 * @module
 */

/** @typedef {import("./client-posts.js").Unsent} Unsent */

/** @typedef {{nick?: string, session?: string, key?: string, account?: string, invite?: string}} Device */
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

export class Store {
  #server;
  #account;
  #storage;
  /** @type {Map<string, string | undefined>} what this window has written: most of it is the same once a frame */
  #written = new Map();

  /**
   * @param {string} server the address of the page
   * @param {Storage} storage
   */
  constructor(server, storage = localStorage) {
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

  /** Forget all that is kept of this server. */
  forget() {
    const keys = Array.from({ length: this.#storage.length }, (_, index) => this.#storage.key(index) ?? "");
    for (const key of keys) if (key.startsWith(`chatcore ${this.#server} `)) this.#storage.removeItem(key);
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

  /** @returns {Unsent[]} */
  get unsent() {
    return this.#read(this.#own("unsent")) ?? [];
  }

  /** @param {Unsent[]} unsent */
  keepUnsent(unsent) {
    this.#write(this.#own("unsent"), unsent);
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

  /** @param {string} name */
  #read(name) {
    try {
      return JSON.parse(this.#storage.getItem(`chatcore ${name}`) ?? "null") ?? undefined;
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
    if (this.#written.has(name) && this.#written.get(name) === text) return;
    this.#written.set(name, text);
    try {
      if (text === undefined) this.#storage.removeItem(`chatcore ${name}`);
      else this.#storage.setItem(`chatcore ${name}`, text);
    } catch {
      // The page goes on without.
    }
  }
}
