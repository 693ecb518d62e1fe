/**
 * The windows on a room's log: its *tail*, which all that comes live continues, and the one that is shown.
 *
 * They are the same one until somebody reads so far above that both ends do not fit into it. So the way back to the end
 * needs no server.
 *
 * @module
 */

import { entriesOf } from "./client-pages.js";
import { MOST, Window } from "./page-window.js";

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./client-rooms.js").Entry} Entry */
/** @typedef {import("../../docs/protocol.js").Page} Page */
/** @typedef {Omit<import("../../docs/protocol.js").HistoryFrame, "type" | "room">} Bounds */

const PAGE = 100;
const RETRY_MS = 2_000; // after a page that was refused

export class Windows {
  #tail = new Window();
  shown = this.#tail;
  #room;
  #chat;
  #changed;
  #isLoading = false;
  #goal = {}; // another one as soon as its user goes elsewhere

  /**
   * @param {string} room folded
   * @param {Chat} chat
   * @param {() => void} changed
   */
  constructor(room, chat, changed) {
    this.#room = room;
    this.#chat = chat;
    this.#changed = changed;
  }

  /** Whether what is shown reaches what has come. */
  get isAtEnd() {
    return this.shown.end >= this.#tail.end;
  }

  /** How far the log has come. */
  get end() {
    return this.#tail.end;
  }

  /**
   * Start over, empty.
   *
   * @param {string} epoch
   * @param {number} at
   */
  reset(epoch, at) {
    this.#tail = new Window();
    this.#tail.reset(epoch, at);
    this.goToEnd();
  }

  /**
   * Take what has come. It is shown, too, unless that would cost what is read above.
   *
   * @param {Entry} entry
   * @param {boolean} isFollowing whether the end is in sight
   */
  append(entry, isFollowing) {
    if (!isFollowing && this.shown.entries.length >= MOST) this.#detach();
    this.#tail.append(entry);
    if (this.shown !== this.#tail && this.shown.entries.length < MOST) this.shown.append(entry);
  }

  #detach() {
    if (this.shown === this.#tail) this.shown = this.#tail.copy();
  }

  /**
   * Let go of the rows that its user does not see.
   *
   * @param {boolean} isFollowing
   */
  trim(isFollowing) {
    if (this.shown.entries.length <= MOST) return;
    if (isFollowing) return this.shown.dropOldest();
    this.#detach();
    return this.shown.dropNewest();
  }

  goToEnd() {
    this.#goal = {};
    this.shown = this.#tail;
  }

  /**
   * Show what is around a message that we got. Returns whether it still matters: its user may have gone elsewhere.
   *
   * @param {number} seq
   */
  async goTo(seq) {
    const goal = (this.#goal = {});
    const window = await this.#loadAround(seq);
    if (this.#goal !== goal) return false;
    if (window?.epoch === this.#tail.epoch) this.shown = window;
    this.#adopt();
    return true;
  }

  /** @param {number} seq */
  async #loadAround(seq) {
    const window = new Window();
    const before = await this.#ask({ before: seq + 1, limit: PAGE / 2 });
    if (before === undefined) return undefined;
    window.fill(before.epoch, before.base, entriesOf(before), before.more);
    const after = await this.#ask({ after: window.end, limit: PAGE });
    if (after) window.appendAll(entriesOf(after));
    return window;
  }

  /** Have live entries continue what is shown, once it has reached them. */
  #adopt() {
    if (this.isAtEnd) this.#tail = this.shown;
  }

  /** @param {boolean} isFollowing */
  async loadOlder(isFollowing) {
    const { shown } = this;
    const isFull = isFollowing && shown.entries.length + PAGE > MOST; // it would cost the end, which is in sight
    if (!shown.hasOlder || isFull) return;
    await this.#load({ before: shown.start + 1, limit: PAGE }, (page) => {
      const entries = entriesOf(page);
      if (shown.entries.length + entries.length > MOST) this.#detach();
      this.shown.prepend(entries, page.more);
      this.shown.dropNewest();
    });
  }

  async loadNewer() {
    if (this.isAtEnd) return;
    await this.#load({ after: this.shown.end, limit: PAGE }, (page) => {
      this.shown.appendAll(entriesOf(page));
      this.shown.dropOldest();
      this.#adopt();
    });
  }

  /**
   * Take a page, unless its window has another place by then.
   *
   * @param {Bounds} bounds
   * @param {(page: Page) => void} take
   */
  async #load(bounds, take) {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const { shown } = this;
    const { start, end } = shown;
    const page = await this.#ask(bounds);
    this.#isLoading = false;
    const isThere = this.shown === shown && (bounds.after === undefined ? shown.start === start : shown.end === end);
    if (page?.epoch === shown.epoch && isThere) take(page);
    this.#changed();
  }

  /**
   * @param {Bounds} bounds
   * @returns {Promise<Page | undefined>} nothing, and only after a while, if it was refused
   */
  async #ask(bounds) {
    try {
      return await this.#chat.history(this.#room, { ...bounds, epoch: this.#tail.epoch });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      return undefined;
    }
  }
}
