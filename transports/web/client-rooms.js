/**
 * How far a client is in each of its rooms.
 *
 * Reading has one law, live or replayed: the next message or gap begins where the reader is, and moves it to its end.
 * A client that checks this has checked everything, so this file does. One frame does not move it: the gap that says
 * `reset`, which comes after a `joined` that goes back to the beginning, and only there.
 *
 * Nothing here knows a socket or a clock. Times are in seconds on the caller's clock.
 *
 * @module
 */

import { ProtocolError } from "./client-errors.js";
import { fold } from "./client-frames.js";

/** @typedef {import("../../docs/protocol.js").Joined} Joined */
/** @typedef {import("../../docs/protocol.js").Join} Join */
/** @typedef {import("../../docs/protocol.js").Message} Message */
/** @typedef {import("../../docs/protocol.js").Gap} Gap */
/** @typedef {import("../../docs/protocol.js").Position} Position */
/** @typedef {Message | Gap} Entry what a room's log is read as */

/**
 * The positions between which an entry lies.
 *
 * @param {Entry} entry
 * @returns {[number, number]}
 */
export function endsOf(entry) {
  return entry.type === "message" ? [entry.prev, entry.seq] : [entry.after, entry.through];
}

class Room {
  /**
   * @param {string} name
   * @param {Joined} joined
   * @param {Join} asked
   */
  constructor(name, joined, asked) {
    this.name = name;
    /** @type {number | null} when to ask again, if the room may not be entered yet */
    this.askAt = null;
    this.#begin(joined);
    if (asked.after) this.#resetting = this.#isReset(joined, asked.after);
    else this.#checkStart(joined, asked);
  }

  #resetting = false; // whether a gap must say so first
  epoch = "";
  seq = 0;
  head = 0;

  /**
   * Resume, or start over. Where we have not asked, only another log explains it.
   *
   * @param {Joined} joined
   * @param {boolean} asked
   */
  enter(joined, asked) {
    if (!asked && joined.epoch === this.epoch)
      throw new ProtocolError(`${this.name} is joined again, and we did not ask for that`);
    this.#resetting = this.#isReset(joined, this.position);
    this.#begin(joined);
    this.askAt = null;
  }

  /** @param {Entry} entry */
  receive(entry) {
    const [start, end] = endsOf(entry);
    const isReset = entry.type === "gap" && entry.reason === "reset";
    const moves = isReset ? end === 0 : Number.isSafeInteger(end) && end > start;
    if (start !== this.seq || isReset !== this.#resetting || !moves) {
      const what = `${entry.type} in ${this.name} from ${start} to ${end}`;
      throw new ProtocolError(`${what} does not continue what we have read up to ${this.seq}`);
    }
    this.#resetting = false;
    this.seq = end;
  }

  /** @returns {Position} */
  get position() {
    return { epoch: this.epoch, seq: this.seq };
  }

  /** @param {number | null} when */
  askAgain(when) {
    this.askAt = when;
  }

  /** @param {Joined} joined */
  #begin({ epoch, after, head }) {
    if (typeof epoch !== "string" || !Number.isSafeInteger(after) || !Number.isSafeInteger(head))
      throw new ProtocolError(`${this.name} is joined without a position`);
    this.epoch = epoch;
    this.seq = after;
    this.head = head;
  }

  /**
   * Check where a join begins that named no position: at the end, or before it for history.
   *
   * @param {Joined} joined
   * @param {Join} asked
   */
  #checkStart(joined, asked) {
    if (joined.after > joined.head || (joined.after < joined.head && !asked.history))
      throw new ProtocolError(`${this.name} begins after ${joined.after}, but ends with ${joined.head}`);
  }

  /**
   * Tell whether a position was given up: a server begins where we are, or at the beginning if our position means
   * nothing in its log.
   *
   * @param {Joined} joined
   * @param {Position} after
   */
  #isReset(joined, after) {
    const same = joined.epoch === after.epoch;
    if (same && joined.after === after.seq && after.seq <= joined.head) return false;
    if (joined.after === 0 && !(same && after.seq <= joined.head)) return true;
    throw new ProtocolError(`${this.name} resumes after ${joined.after}, but we have read up to ${after.seq}`);
  }
}

/** All rooms that a client is in, by folded name; also while there is no connection. */
export class Rooms {
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** @type {Set<string>} rooms that this connection was not let into yet */
  #awaited = new Set();
  #mostMissed;

  /** @param {number} [mostMissed] a room is resumed with that many messages at most; the rest is a gap */
  constructor(mostMissed) {
    this.#mostMissed = mostMissed;
  }

  get names() {
    return [...this.#rooms.keys()];
  }

  /** @param {string} name */
  has(name) {
    return this.#rooms.has(fold(name));
  }

  /** @param {string} name */
  isAwaited(name) {
    return this.#awaited.has(fold(name));
  }

  get awaitsAny() {
    return this.#awaited.size > 0;
  }

  /**
   * How far a room was read, or `undefined` if we are not in it.
   *
   * @param {string} name
   */
  position(name) {
    return this.#rooms.get(fold(name))?.position;
  }

  /**
   * Tell whether a message was stored before its room was joined, the last time.
   *
   * @param {Message} message
   */
  isReplay(message) {
    const room = this.#rooms.get(fold(message.room));
    return room !== undefined && message.seq <= room.head;
  }

  /**
   * Begin to read a room, or resume; throws `ProtocolError` if that skips or repeats anything.
   *
   * @param {Joined} joined
   * @param {Join | undefined} asked our own join that this answers, if it answers one
   */
  enter(joined, asked) {
    const name = fold(joined.room);
    const room = this.#rooms.get(name);
    if (room) room.enter(joined, this.#awaited.has(name));
    else if (asked) this.#rooms.set(name, new Room(name, joined, asked));
    else throw new ProtocolError(`the server put us into ${name}, which we did not ask for`);
    this.#awaited.delete(name);
  }

  /**
   * Move on; throws `ProtocolError` against the law. Returns whether we are in this room: otherwise the entry was on
   * its way when we left.
   *
   * @param {Entry} entry
   */
  receive(entry) {
    const room = this.#rooms.get(fold(entry.room));
    room?.receive(entry);
    return room !== undefined;
  }

  /** @param {string} name */
  leave(name) {
    this.#rooms.delete(fold(name));
    this.#awaited.delete(fold(name));
  }

  /**
   * What to ask so as to resume all rooms. Until a room is entered it is awaited.
   *
   * @returns {Join[]}
   */
  resume() {
    this.#awaited = new Set(this.#rooms.keys());
    for (const room of this.#rooms.values()) room.askAgain(null);
    return [...this.#rooms.values()].map((room) => this.#join(room));
  }

  /**
   * Note that a room may not be entered before a time.
   *
   * @param {string} name
   * @param {number} when
   */
  askAgain(name, when) {
    this.#rooms.get(fold(name))?.askAgain(when);
  }

  /** When `dueJoins` has something; `Infinity` if never. */
  get deadline() {
    return Math.min(...[...this.#rooms.values()].map((room) => room.askAt ?? Infinity));
  }

  /**
   * What to ask again now.
   *
   * @param {number} now
   */
  dueJoins(now) {
    const due = [...this.#rooms.values()].filter((room) => room.askAt !== null && room.askAt <= now);
    for (const room of due) room.askAgain(null);
    return due.map((room) => this.#join(room));
  }

  /**
   * @param {Room} room
   * @returns {Join}
   */
  #join(room) {
    return { type: "join", room: room.name, after: room.position, history: this.#mostMissed };
  }
}
