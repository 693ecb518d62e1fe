/**
 * A room as the page has it: a window on its log, how far its user has read, and what is unread.
 *
 * @module
 */

import { entriesOf } from "./client-pages.js";
import { MOST, Window } from "./page-window.js";

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./client-rooms.js").Entry} Entry */
/** @typedef {import("./page-store.js").Place} Place */
/** @typedef {import("../../docs/protocol.js").Joined} Joined */
/** @typedef {import("../../docs/protocol.js").Presence} Presence */
/** @typedef {import("../../docs/protocol.js").Page} Page */

const PAGE = 100;
const MOST_NICKS = 2_000; // in a larger room, only changes are known
const RETRY_MS = 2_000; // after a page that was refused

export class Room {
  window = new Window();
  /** @type {Set<string>} */
  nicks = new Set();
  count = 0;
  read = 0;
  unread = 0;
  mentions = 0;
  /** After which `seq` the read mark is drawn. @type {number | undefined} */
  mark;
  opensAtMark = false; // once all that was missed is here; nothing counts as read until then
  isFollowing = true; // whether its end is in sight, or was when it was left
  #chat;
  #kept;
  #changed;
  /** @type {Promise<void> | undefined} */
  #loading;
  #wasEntered = false;
  #head = 0;

  /**
   * @param {string} name folded
   * @param {Chat} chat
   * @param {Place | undefined} kept
   * @param {() => void} changed
   */
  constructor(name, chat, kept, changed) {
    this.name = name;
    this.#chat = chat;
    this.#kept = kept;
    this.#changed = changed;
    this.unread = kept?.unread ?? 0;
    this.mentions = kept?.mentions ?? 0;
  }

  /** Whether the window reaches what has come. */
  get isAtEnd() {
    return this.window.end >= (this.#chat.position(this.name)?.seq ?? 0);
  }

  /** @returns {Place | undefined} what is kept of it */
  get place() {
    const position = this.#chat.position(this.name);
    if (position === undefined || !this.#wasEntered) return this.#kept;
    return { ...position, read: this.read, unread: this.unread, mentions: this.mentions };
  }

  /** @param {Joined} joined */
  enter({ epoch, after, head, count }) {
    this.count = count;
    if (count <= MOST_NICKS) this.loadNicks();
    this.#head = head;
    if (!this.#wasEntered && this.#kept?.epoch === epoch) this.#resume(this.#kept.read, head);
    else if (!this.#wasEntered && this.#kept === undefined) this.read = head;
    else if (this.window.epoch !== epoch) this.#forget();
    this.#wasEntered = true;
    if (this.window.epoch !== epoch) this.window.reset(epoch, after);
  }

  /**
   * @param {number} read
   * @param {number} head
   */
  #resume(read, head) {
    this.read = read;
    if (head > read) this.#putMark(read);
  }

  /** @param {number | undefined} seq */
  #putMark(seq) {
    this.mark = seq;
    this.opensAtMark = seq !== undefined;
  }

  /** Whether all that was missed is here. */
  get isCaughtUp() {
    return this.#wasEntered && (this.#chat.position(this.name)?.seq ?? 0) >= this.#head;
  }

  #forget() {
    this.read = this.unread = this.mentions = 0;
    this.#putMark(undefined);
  }

  /**
   * Take what the client has read. Where its user reads far above, it is only counted.
   *
   * @param {Entry} entry
   * @param {{isMine: boolean, isMention: boolean}} about
   */
  receive(entry, { isMine, isMention }) {
    if (this.isFollowing || this.window.entries.length < MOST) this.window.append(entry);
    if (entry.type === "gap" && entry.reason === "skipped") this.unread += entry.count ?? 0;
    if (entry.type === "gap" || isMine || entry.seq <= this.read) return;
    this.unread += 1;
    if (isMention) this.mentions += 1;
  }

  /**
   * Note that its user has seen everything up to there.
   *
   * @param {number} seq
   * @param {(entry: Entry) => boolean} isMine
   */
  see(seq, isMine) {
    if (seq <= this.read) return;
    const seen = this.window.entries.filter(
      (entry) => entry.type === "message" && entry.seq > this.read && entry.seq <= seq && !isMine(entry));
    this.read = seq;
    this.unread = this.#isAllRead(seq) ? 0 : Math.max(this.unread - seen.length, 0);
    if (this.unread === 0) this.mentions = 0;
  }

  /** @param {number} seq */
  #isAllRead(seq) {
    return this.isAtEnd && !this.window.entries.some((entry) => entry.type === "message" && entry.seq > seq);
  }

  /** Let go of the oldest rows, which its user does not see. */
  trim() {
    if (this.isFollowing && this.isAtEnd) this.window.dropOldest();
  }

  /** Show it: from the read mark on, or from its end. */
  open() {
    this.setMark();
    this.isFollowing = true;
  }

  /** Put the read mark where its user has stopped to read. */
  setMark() {
    this.#putMark(this.unread > 0 ? this.read : undefined);
  }

  /** Draw the read mark where its user is, without going there. */
  showMark() {
    if (this.unread > 0) this.mark = this.read;
  }

  /** @param {boolean} isFollowing */
  follow(isFollowing) {
    this.isFollowing = isFollowing;
  }

  dropMark() {
    this.#putMark(undefined);
  }

  /** Have the window hold the read mark, if there is one. */
  async loadMark() {
    this.opensAtMark = false;
    if (this.mark !== undefined && this.mark < this.window.start) await this.loadAround(this.mark);
  }

  /** Whether an older page would cost the end, which is in sight. */
  get #isFull() {
    return this.isFollowing && this.window.entries.length + PAGE > MOST;
  }

  async loadOlder() {
    if (this.#loading || !this.window.hasOlder || this.#isFull) return;
    await this.#load({ before: this.window.start + 1, limit: PAGE }, (page) => {
      this.window.prepend(entriesOf(page), page.more);
      this.window.dropNewest();
    });
  }

  async loadNewer() {
    if (this.#loading || this.isAtEnd) return;
    await this.#load({ after: this.window.end, limit: PAGE }, (page) => {
      this.window.appendAll(entriesOf(page));
      this.window.dropOldest();
    });
  }

  /** Go to the end. */
  async loadLatest() {
    await this.#loading;
    if (this.isAtEnd) return;
    await this.#load({ limit: PAGE }, (page) => this.#replace(page));
    await this.loadNewer();
  }

  /** @param {number} seq one that we got */
  async loadAround(seq) {
    await this.#loading;
    await this.#load({ before: seq + 1, limit: PAGE / 2 }, (page) => this.#replace(page));
    await this.loadNewer();
  }

  /** @param {Page} page */
  #replace(page) {
    const entries = entriesOf(page);
    this.window.reset(page.epoch, page.base);
    for (const entry of entries) this.window.append(entry);
    this.window.hasOlder = page.more;
  }

  /**
   * @param {Omit<import("../../docs/protocol.js").HistoryFrame, "type" | "room">} bounds
   * @param {(page: Page) => void} take
   */
  async #load(bounds, take) {
    await (this.#loading = this.#ask(bounds, take));
    this.#loading = undefined;
    this.#changed();
  }

  /**
   * @param {Omit<import("../../docs/protocol.js").HistoryFrame, "type" | "room">} bounds
   * @param {(page: Page) => void} take
   */
  async #ask(bounds, take) {
    const epoch = this.window.epoch;
    try {
      const page = await this.#chat.history(this.name, { ...bounds, epoch });
      if (page.epoch === epoch && this.window.epoch === epoch) take(page);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** @param {Presence} presence */
  receivePresence({ joined, left, renamed, count, more }) {
    for (const { old, new: nick } of renamed) this.nicks.delete(old) && this.nicks.add(nick);
    for (const nick of left) this.nicks.delete(nick);
    for (const nick of joined) this.nicks.add(nick);
    this.count = count;
    if (more && count <= MOST_NICKS) this.loadNicks();
  }

  async loadNicks() {
    try {
      this.nicks = new Set(await this.#chat.who(this.name));
      this.count = this.nicks.size;
      this.#changed();
    } catch {
      // Presence goes on.
    }
  }
}
