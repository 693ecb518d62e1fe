/**
 * Our own posts, from the moment they are typed until their message is in the room: each is one row, never two.
 *
 * The acknowledgement and our own copy come in either order, so a post is shown until its copy is there or, if we have
 * read past it, until it is acknowledged. One that came back stays, also over a reload, until its author decides.
 *
 * @module
 */

import { fold } from "./client-frames.js";

/** @typedef {import("./client-posts.js").Unsent} Unsent */
/** @typedef {import("./page-store.js").Returned} Returned */
/** @typedef {import("../../docs/protocol.js").Ack} Ack */
/** @typedef {import("../../docs/protocol.js").Message} Message */
/** @typedef {{post: Unsent, seq?: number, isReturned: boolean, why?: string}} Own */

export class Posts {
  /** @type {Map<string, Own>} by id, in the order of the calls */
  #own = new Map();

  /**
   * @param {Unsent[]} unsent
   * @param {Returned[]} returned
   */
  constructor(unsent, returned) {
    for (const { why, ...post } of returned) this.#own.set(post.id, { post, isReturned: true, why });
    for (const post of unsent) this.add(post);
  }

  /** @param {Unsent} post */
  add(post) {
    this.#own.set(post.id, { post, isReturned: false });
  }

  /**
   * Take an acknowledgement.
   *
   * @param {Ack} ack
   * @param {number} read how far the room was read
   */
  stored({ id, seq }, read) {
    const own = this.#own.get(id);
    if (own === undefined) return;
    if (seq <= read) this.#own.delete(id);
    else this.#own.set(id, { ...own, seq });
  }

  /**
   * Take a message of ours; returns whether it was a row of these.
   *
   * @param {Message} message
   */
  receive(message) {
    return this.#own.delete(message.id);
  }

  /**
   * Note that a room was read up to there, in whatever way: what was stored before is in it.
   *
   * @param {string} room
   * @param {number} read
   */
  passed(room, read) {
    for (const { post, seq } of this.of(room)) if (seq !== undefined && seq <= read) this.#own.delete(post.id);
  }

  /**
   * @param {Unsent} post
   * @param {string} [why]
   */
  giveBack(post, why) {
    this.#own.set(post.id, { post, isReturned: true, why });
  }

  /** @param {string} id */
  discard(id) {
    this.#own.delete(id);
  }

  /** @param {string} room @returns {Own[]} */
  of(room) {
    return [...this.#own.values()].filter(({ post }) => fold(post.room) === room);
  }

  /** The rooms that they are for. */
  get rooms() {
    return [...this.#own.values()].map(({ post }) => post.room);
  }

  /** @returns {Returned[]} what came back: to be kept */
  get returned() {
    return [...this.#own.values()].filter((own) => own.isReturned).map(({ post, why }) => ({ ...post, why }));
  }
}

/**
 * What is posted of what somebody has typed: `/me` begins an action.
 *
 * @param {string} typed
 * @returns {{text: string, kind?: "action"}}
 */
export function parse(typed) {
  const action = /^\/me\s+(\S[^]*)$/.exec(typed)?.[1];
  return action === undefined ? { text: typed } : { text: action, kind: "action" };
}

/**
 * Why a post was refused, in words.
 *
 * @param {{code: string, message: string}} error
 */
export const wordsForRefused = ({ code, message }) =>
  code === "bad_text" ? "This text is too long, or has characters that cannot be sent." : message;
