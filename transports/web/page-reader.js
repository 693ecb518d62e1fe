/**
 * Who reads the rows: what is theirs, what mentions them, and what becomes of their posts that came back.
 *
 * @module
 */

import { mentions } from "./page-text.js";

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./client-posts.js").Unsent} Unsent */
/** @typedef {import("./page-posts.js").Own} Own */
/** @typedef {import("./page-posts.js").Posts} Posts */
/** @typedef {import("./page-store.js").Store} Store */
/** @typedef {import("../../docs/protocol.js").Ack} Ack */
/** @typedef {import("../../docs/protocol.js").Message} Message */
/**
 * @typedef {{changed: () => void, show: (room: string, seq: number) => void, edit: (text: string) => void}} Owner
 */

const EXACT_MS = 60_000; // by which a clock may differ, as a message may take some time

export class Reader {
  /** @type {WeakMap<object, string>} ids of the rows that messages were before they were stored */
  #ids = new WeakMap();
  #since = Date.now();
  #ahead = 0; // milliseconds by which the clock here is ahead of the server's
  #chat;
  #posts;
  #store;
  #owner;

  /**
   * @param {Chat} chat
   * @param {Posts} posts
   * @param {Store} store
   * @param {Owner} owner
   */
  constructor(chat, posts, store, owner) {
    this.#chat = chat;
    this.#posts = posts;
    this.#store = store;
    this.#owner = owner;
  }

  get nick() {
    return this.#chat.nick;
  }

  /** @param {Message} message */
  isMine(message) {
    return this.#chat.isMine(message);
  }

  /** @param {Message} message */
  isMention(message) {
    return !this.isMine(message) && mentions(message.text, this.nick);
  }

  /**
   * The id of the row that a message was while it was not stored: that row becomes the message's.
   *
   * @param {Message} message
   */
  idOf(message) {
    return this.#ids.get(message);
  }

  /**
   * Take a message: it may be a post of ours.
   *
   * @param {Message} message
   */
  receive(message) {
    if (!this.#chat.isReplay(message)) this.#compareClocks(message);
    if (!this.isMine(message) || !this.#posts.receive(message)) return;
    this.#ids.set(message, message.id);
    this.#keep();
  }

  /** @param {Message} message that was stored just now */
  #compareClocks({ at }) {
    const ahead = Date.now() - Date.parse(at);
    this.#ahead = Math.abs(ahead) > EXACT_MS ? ahead : 0;
  }

  /**
   * The time of something that was done here, on the server's clock as far as we know it.
   *
   * @param {number} at milliseconds since 1970 on the clock here
   */
  timeOf(at) {
    return new Date(at - this.#ahead).toISOString();
  }

  /**
   * Take an acknowledgement. In a room that we have left no message follows it.
   *
   * @param {Ack} ack
   * @param {{isLeft: boolean}} room
   */
  stored(ack, { isLeft }) {
    this.#posts.stored(ack, isLeft ? ack.seq : this.#chat.position(ack.room)?.seq ?? 0);
    this.#owner.changed();
  }

  /**
   * Take a post that is not sent by itself any more.
   *
   * @param {Unsent} post
   * @param {string} [why] the server's words, if it was refused
   */
  giveBack(post, why) {
    this.#posts.giveBack(post, why);
    this.#keep();
  }

  /**
   * Take over what another window has posted since this one began, and got no answer to: we have its session now. To
   * be called at each welcome; only the first one does something.
   */
  adopt() {
    const since = this.#since;
    this.#since = Infinity;
    const ours = new Set(this.#chat.unsent.map(({ id }) => id));
    for (const post of this.#store.unsent) if (post.at >= since && !ours.has(post.id)) this.sendAgain({ post });
  }

  /** @param {{post: Unsent}} own */
  sendAgain({ post }) {
    const { room, id, kind, target, text } = post;
    this.#chat.post(room, text, { id, kind, target });
    this.#posts.add(post);
    this.#keep();
  }

  /**
   * Give up a post, and write it again.
   *
   * @param {Own} own
   */
  edit(own) {
    this.discard(own);
    this.#owner.edit(own.post.text);
  }

  /** @param {Own} own */
  discard({ post }) {
    this.#posts.discard(post.id);
    this.#keep();
  }

  /** Show what a gap leaves out. @param {{room: string, after: number}} gap */
  show({ room, after }) {
    this.#owner.show(room, after);
  }

  #keep() {
    this.#store.keepReturned(this.#posts.returned);
    this.#owner.changed();
  }
}
