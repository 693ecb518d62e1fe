/**
 * A room as the page has it: a window on its log, how far its user has read, and what is unread.
 *
 * @module
 */

import { Windows } from "./page-windows.js";

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./client-rooms.js").Entry} Entry */
/** @typedef {import("./page-store.js").Place} Place */
/** @typedef {import("../../docs/protocol.js").Joined} Joined */
/** @typedef {import("../../docs/protocol.js").Message} Message */
/** @typedef {import("../../docs/protocol.js").Presence} Presence */

const MOST_NICKS = 2_000; // in a larger room, only changes are known

export class Room {
  /** @type {Set<string>} */
  nicks = new Set();
  count = 0;
  read = 0;
  unread = 0;
  mentions = 0;
  /** After which `seq` the read mark is drawn. @type {number | undefined} */
  mark;
  opensAtMark = false; // as soon as all that was missed is here; nothing counts as read before its user is there
  isLeft = false; // it is shown for what we have not sent
  isFollowing = true; // whether its end is in sight, or was when it was left
  #windows;
  #chat;
  #kept;
  #changed;
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
    this.#windows = new Windows(name, chat, changed);
    this.read = kept?.read ?? 0;
    this.unread = kept?.unread ?? 0;
    this.mentions = kept?.mentions ?? 0;
  }

  /** What it is called. */
  get label() {
    return this.isLeft ? `#${this.name} (left)` : `#${this.name}`;
  }

  /** Note that we are not in it. */
  leave() {
    this.isLeft = true;
    this.count = 0;
    this.nicks = new Set();
    this.#forget();
  }

  /** What is shown of it. */
  get window() {
    return this.#windows.shown;
  }

  /** Whether the window reaches what has come. */
  get isAtEnd() {
    return this.#windows.isAtEnd;
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
    const isFirst = !this.#wasEntered;
    const known = isFirst ? this.#kept : { epoch: this.window.epoch, seq: this.#windows.end };
    const startsOver = known !== undefined && (known.epoch !== epoch || after < known.seq);
    this.#wasEntered = true;
    this.#head = head;
    if (known === undefined) this.read = head;
    if (startsOver) this.#forget();
    if (isFirst || startsOver) this.#windows.reset(epoch, after);
    if (!startsOver && head > (isFirst ? this.read : after)) this.#missed();
  }

  /** Whether nothing is left of what was said in it, and nothing is to come. */
  get isEmpty() {
    return this.isCaughtUp && this.window.entries.length === 0 && !this.window.hasOlder;
  }

  #forget() {
    this.read = this.unread = this.mentions = 0;
    this.dropMark();
  }

  /** Its user was away. Whoever reads above stays there. */
  #missed() {
    this.mark = this.read;
    this.opensAtMark = this.isFollowing;
  }

  /** Whether all that was missed is here. */
  get isCaughtUp() {
    return this.#wasEntered && this.#windows.end >= this.#head;
  }

  /**
   * Take what the client has read. Where its user reads far above, it is only counted.
   *
   * @param {Entry} entry
   * @param {{isMine: boolean, isMention: boolean}} about
   */
  receive(entry, { isMine, isMention }) {
    this.#windows.append(entry, this.isFollowing && !this.opensAtMark);
    if (entry.type === "gap" && entry.reason === "skipped") this.unread += entry.count ?? 0;
    if (entry.type === "gap" || isMine || entry.seq <= this.read) return;
    this.unread += 1;
    if (isMention) this.mentions += 1;
  }

  /**
   * Note that its user has seen everything up to there. What the window does not hold, or leaves out, they have not
   * seen, unless they went on to the end.
   *
   * @param {number} seq
   * @param {{isMine: (message: Message) => boolean, isMention: (message: Message) => boolean}} reader
   */
  see(seq, reader) {
    if (seq <= this.read) return;
    const isAll = this.isAtEnd && seq >= this.window.end;
    if (!isAll && !this.#holdsAllTo(seq)) return;
    const seen = this.#messages.filter((each) => each.seq > this.read && each.seq <= seq && !reader.isMine(each));
    this.read = seq;
    this.unread = isAll ? 0 : Math.max(this.unread - seen.length, 0);
    this.mentions = isAll ? 0 : Math.max(this.mentions - seen.filter((each) => reader.isMention(each)).length, 0);
  }

  /** @returns {Message[]} */
  get #messages() {
    return this.window.entries.filter((entry) => entry.type === "message");
  }

  /** @param {number} seq */
  #holdsAllTo(seq) {
    return this.window.start <= this.read && !this.#leavesOut(seq);
  }

  /** Whether there is a gap that pages would fill, between what was read and there. @param {number} seq */
  #leavesOut(seq) {
    return this.window.entries.some(
      (entry) => entry.type === "gap" && entry.reason === "skipped" && entry.through > this.read && entry.after < seq);
  }

  /** Let go of the rows that its user does not see. */
  trim() {
    this.#windows.trim(this.isFollowing && !this.opensAtMark);
  }

  /** Show it: from the read mark on, or from its end. */
  open() {
    this.goToEnd();
    this.setMark();
  }

  /** Put the read mark where its user has stopped to read, and go there, unless they read above. */
  setMark() {
    this.mark = this.unread > 0 ? this.read : undefined;
    this.opensAtMark = this.isFollowing && this.mark !== undefined;
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
    this.mark = undefined;
    this.opensAtMark = false;
  }

  /** Note that its user is where they wanted to go. */
  arrive() {
    this.opensAtMark = false;
    this.isFollowing = false;
  }

  goToEnd() {
    this.opensAtMark = false;
    this.isFollowing = true;
    this.#windows.goToEnd();
  }

  /**
   * Have the window hold the read mark and what follows it. Returns whether its user still wants that.
   *
   * @returns {Promise<boolean>}
   */
  async goToMark() {
    const { mark } = this;
    const isHere = mark === undefined || (mark >= this.window.start && !this.#leavesOut(this.#firstAfter(mark)));
    return isHere || this.#windows.goTo(mark);
  }

  /** @param {number} mark */
  #firstAfter(mark) {
    return this.#messages.find((message) => message.seq > mark)?.seq ?? mark;
  }

  /**
   * Have the window hold a message that we got. Returns whether its user still wants that.
   *
   * @param {number} seq
   */
  async goTo(seq) {
    this.dropMark();
    return this.#windows.goTo(seq);
  }

  loadOlder() {
    return this.#windows.loadOlder(this.isFollowing);
  }

  loadNewer() {
    return this.#windows.loadNewer();
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
