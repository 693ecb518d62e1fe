/**
 * A client's posts, from the call until the acknowledgement, in sequence.
 *
 * The server accepts nothing of a sender past a post that it refused for now. After such a refusal nothing more is
 * sent to that room until everything in flight is answered and the given time is over; then all that was refused goes
 * out again, first to last, before anything new. So what is sent again is stored in the order of the calls.
 *
 * On a new connection everything without an answer is sent again: under its id it is stored once, however often it
 * comes. But a server forgets ids after a while. A post that was first sent longer ago than that is not sent again by
 * itself, since it might be stored twice: it is given back, and its author decides.
 *
 * Nothing here knows a socket. Times are in seconds on the caller's clock, but for `at`, which has to last over a night
 * and a reload: it is in milliseconds since 1970.
 *
 * @module
 */

import { RefusedError } from "./client-errors.js";
import { fold } from "./client-frames.js";

/** @typedef {import("../../docs/protocol.js").Ack} Ack */
/** @typedef {import("../../docs/protocol.js").Post} Post */

/**
 * A post without an answer, as it is kept over a reload. `at` is when it was first sent or, until then, posted.
 * `wasSent` is whether it may have been sent; if it is missing, it may.
 *
 * @typedef {{room: string, id: string, kind?: string, target?: number, text: string, at: number, wasSent?: boolean}}
 *   Unsent
 */

const REMEMBERED = 4096; // ids of answered posts, to recognise their messages

/** A post until it is answered. `stored` is settled then; nobody has to look at it. */
export class Outgoing {
  /** @type {(ack: Ack) => void} */
  #resolve = () => {};
  /** @type {(error: Error) => void} */
  #reject = () => {};

  /** @param {Unsent} unsent */
  constructor({ room, id, kind, target, text, at, wasSent = true }) {
    this.room = fold(room);
    this.id = id;
    this.kind = kind;
    this.target = target;
    this.text = text;
    this.at = at;
    this.wasSent = wasSent;
    this.number = 0;
    /** @type {Promise<Ack>} */
    this.stored = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.stored.catch(() => {});
  }

  /** @returns {Post} */
  get frame() {
    const { room, id, kind, target, text } = this;
    return { type: "post", room, id, kind, target, text };
  }

  /** @returns {Unsent} */
  get unsent() {
    const { room, id, kind, target, text, at, wasSent } = this;
    return { room, id, kind, target, text, at, wasSent };
  }

  /** @param {number} number its place among all posts */
  queued(number) {
    this.number = number;
  }

  /** @param {number} now milliseconds since 1970 */
  sending(now) {
    if (!this.wasSent) this.at = now;
    this.wasSent = true;
  }

  /** @param {Ack} ack */
  succeed(ack) {
    this.#resolve(ack);
  }

  /** @param {Error} error */
  fail(error) {
    this.#reject(error);
  }
}

/** One room's posts: waiting, in flight, or refused for now. */
class Queue {
  /** @type {Outgoing[]} */
  waiting = [];
  /** @type {Map<string, Outgoing>} */
  inFlight = new Map();
  /** @type {Outgoing[]} */
  #refused = [];
  #notBefore = 0;

  /**
   * The post to send now, counted as in flight. Of two under one id the second waits for the answer to the first.
   *
   * @param {number} now
   */
  next(now) {
    if (this.#refused.length) {
      if (this.inFlight.size || now < this.#notBefore) return undefined;
      this.waiting.unshift(...this.#refused);
      this.#refused = [];
    }
    const post = this.waiting[0];
    if (post === undefined || this.inFlight.has(post.id)) return undefined;
    this.waiting.shift();
    this.inFlight.set(post.id, post);
    return post;
  }

  get deadline() {
    return this.#refused.length && !this.inFlight.size ? this.#notBefore : Infinity;
  }

  /** @param {string} id */
  settle(id) {
    const post = this.inFlight.get(id);
    this.inFlight.delete(id);
    return post;
  }

  /**
   * @param {Outgoing} post one that was in flight
   * @param {number} until
   */
  sendAgain(post, until) {
    this.#refused.push(post);
    this.#refused.sort(byNumber);
    this.#notBefore = Math.max(this.#notBefore, until);
  }

  /** Have all that has no answer wait again. */
  reconnected() {
    this.waiting = this.all;
    this.inFlight.clear();
    this.#refused = [];
    this.#notBefore = 0;
  }

  /** @param {(post: Outgoing) => boolean} unwanted */
  takeWaiting(unwanted) {
    const taken = this.waiting.filter(unwanted);
    if (taken.length) this.waiting = this.waiting.filter((post) => !unwanted(post));
    return taken;
  }

  get all() {
    return [...this.#refused, ...this.inFlight.values(), ...this.waiting].sort(byNumber);
  }
}

/**
 * @param {Outgoing} one
 * @param {Outgoing} other
 */
const byNumber = (one, other) => one.number - other.number;

/** All posts of a client that have no answer yet. */
export class Outbox {
  /** @type {Map<string, Queue>} by folded room */
  #queues = new Map();
  /** @type {Map<string, string>} ids of posts, oldest first, by room and id; and what is waited for */
  #ids = new Map();
  #posted = 0;
  #changed = false;

  /** Whether what `unsent` gives is another list than when this was asked the last time. */
  get changed() {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  get isEmpty() {
    return this.#all().length === 0;
  }

  get inFlight() {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.inFlight.size, 0);
  }

  /** @returns {Unsent[]} what has no answer, first to last */
  get unsent() {
    return this.#all().map((post) => post.unsent);
  }

  /** @param {Outgoing} post */
  add(post) {
    post.queued(++this.#posted);
    this.#ids.set(keyOf(post), post.id);
    while (this.#ids.size > REMEMBERED) this.#ids.delete(/** @type {string} */ (this.#ids.keys().next().value));
    this.#queue(post.room).waiting.push(post);
    this.#changed = true;
  }

  /**
   * Tell whether a message is one of these posts, by its id; old ones are forgotten.
   *
   * @param {{room: string, id: string}} message
   */
  hasPosted(message) {
    return this.#ids.has(keyOf(message));
  }

  /**
   * The posts to send now, with at most `window` in flight.
   *
   * @param {number} now
   * @param {number} window
   * @param {(room: string) => boolean} isClosed rooms that have to wait
   */
  take(now, window, isClosed) {
    /** @type {Outgoing[]} */
    const posts = [];
    let free = window - this.inFlight;
    for (const [room, queue] of this.#queues) {
      if (isClosed(room)) continue;
      for (let post; free > 0 && (post = queue.next(now)); free--) posts.push(post);
    }
    for (const post of posts) this.#send(post);
    return posts;
  }

  /** @param {Outgoing} post */
  #send(post) {
    this.#changed ||= !post.wasSent;
    post.sending(Date.now());
  }

  /**
   * When `take` is worth another call though nothing came; `Infinity` if never.
   *
   * @param {(room: string) => boolean} isClosed
   */
  deadline(isClosed) {
    const open = [...this.#queues].filter(([room]) => !isClosed(room));
    return Math.min(...open.map(([, queue]) => queue.deadline));
  }

  /**
   * Take an acknowledgement; returns the post, if it is one of these.
   *
   * @param {Ack} ack
   */
  settle(ack) {
    const post = this.#settle(ack.room, ack.id);
    post?.succeed(ack);
    return post;
  }

  /**
   * Take a refusal, for good or for a while; returns whether it is about one of these posts, and the post if that is
   * refused for good.
   *
   * @param {RefusedError} error
   * @param {number} now
   * @returns {{isOurs: boolean, failed?: Outgoing}}
   */
  refuse(error, now) {
    const { room, id, retryAfter } = error;
    const queue = room === undefined ? undefined : this.#queues.get(fold(room));
    if (queue === undefined || id === undefined || !queue.inFlight.has(id)) return { isOurs: false };
    const post = /** @type {Outgoing} */ (queue.settle(id));
    if (retryAfter !== undefined) {
      queue.sendAgain(post, now + retryAfter);
      return { isOurs: true };
    }
    this.#changed = true;
    post.fail(error);
    return { isOurs: true, failed: post };
  }

  /**
   * Have all that has no answer sent again; returns what is too old for that, and is no longer here.
   *
   * @param {number} oldest milliseconds since 1970: what was first sent earlier is too old
   */
  reconnected(oldest) {
    for (const queue of this.#queues.values()) queue.reconnected();
    return this.#takeWaiting((post) => post.wasSent && post.at < oldest);
  }

  /**
   * Take out a post that is not on its way; returns it, or `undefined`.
   *
   * @param {string} room
   * @param {string} id
   */
  discard(room, id) {
    return this.#takeWaiting((post) => post.room === fold(room) && post.id === id).at(0);
  }

  /** @param {Error} error */
  fail(error) {
    for (const post of this.#all()) post.fail(error);
  }

  /**
   * @param {string} room
   * @param {string} id
   */
  #settle(room, id) {
    const post = this.#queues.get(fold(room))?.settle(id);
    this.#changed ||= post !== undefined;
    return post;
  }

  /** @param {(post: Outgoing) => boolean} unwanted */
  #takeWaiting(unwanted) {
    const taken = [...this.#queues.values()].flatMap((queue) => queue.takeWaiting(unwanted));
    this.#changed ||= taken.length > 0;
    return taken.sort(byNumber);
  }

  /** @param {string} room */
  #queue(room) {
    const queue = this.#queues.get(room) ?? new Queue();
    this.#queues.set(room, queue);
    return queue;
  }

  #all() {
    return [...this.#queues.values()].flatMap((queue) => queue.all).sort(byNumber);
  }
}

/** @param {{room: string, id: string}} post */
const keyOf = ({ room, id }) => `${fold(room)} ${id}`;
