/**
 * A part of a room's log, without a hole: what the page shows of it.
 *
 * It goes from the position `start` to the position `end`. Live entries are appended while they continue it; pages
 * are put before and after it. It never grows past `MOST` by much: what is added on one side goes on the other.
 *
 * @module
 */

import { endsOf } from "./client-rooms.js";

/** @typedef {import("./client-rooms.js").Entry} Entry */

export const MOST = 390; // with a few rows of our own, no more than 400 are drawn

export class Window {
  /** @type {Entry[]} */
  entries = [];
  epoch = "";
  start = 0;
  end = 0;
  hasOlder = false;

  /**
   * Start over, empty.
   *
   * @param {string} epoch
   * @param {number} at
   */
  reset(epoch, at) {
    this.entries = [];
    this.epoch = epoch;
    this.start = this.end = at;
    this.hasOlder = at > 0;
  }

  /**
   * Start over, with a page.
   *
   * @param {string} epoch
   * @param {number} base
   * @param {Entry[]} entries
   * @param {boolean} hasOlder
   */
  fill(epoch, base, entries, hasOlder) {
    this.reset(epoch, entries.length ? endsOf(entries[0])[0] : base);
    this.appendAll(entries);
    this.hasOlder = hasOlder;
  }

  /** Another window on the same part. */
  copy() {
    return Object.assign(new Window(), this, { entries: [...this.entries] });
  }

  /**
   * Take what follows, unless it is here or does not continue it; returns whether it was taken.
   *
   * @param {Entry} entry
   */
  append(entry) {
    const [start, end] = endsOf(entry);
    if (start !== this.end) return false;
    this.entries.push(entry);
    this.end = end;
    if (this.entries.length > 2 * MOST) this.dropOldest();
    return true;
  }

  /** @param {Entry[]} entries what a page has, oldest first */
  appendAll(entries) {
    for (const entry of entries) this.append(entry);
  }

  /**
   * @param {Entry[]} entries
   * @param {boolean} hasOlder
   */
  prepend(entries, hasOlder) {
    this.hasOlder = hasOlder;
    if (!entries.length) return;
    const fits = endsOf(entries[entries.length - 1])[1] === this.start;
    this.hasOlder = fits && hasOlder;
    if (!fits) return;
    this.entries.unshift(...entries);
    this.start = endsOf(entries[0])[0];
  }

  dropOldest() {
    const dropped = this.entries.splice(0, Math.max(this.entries.length - MOST, 0));
    if (!dropped.length) return;
    this.start = endsOf(dropped[dropped.length - 1])[1];
    this.hasOlder = true;
  }

  dropNewest() {
    const dropped = this.entries.splice(MOST);
    if (dropped.length) this.end = endsOf(dropped[0])[0];
  }
}
