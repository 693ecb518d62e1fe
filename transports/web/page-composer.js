/**
 * Where a message is written: a draft for each room, completion of nicks, and how long it may be.
 *
 * Enter sends, Shift+Enter begins a line, and a paste of several lines is one message. Tab completes only behind the
 * beginning of a nick; otherwise it leads on, as everywhere.
 *
 * @module
 */

import { byId, setText } from "./page-elements.js";

const CAN_GROW = globalThis.CSS?.supports("field-sizing", "content");
const MOST_ROWS = 8;
const SHOWN_FROM = 0.8; // of the limit, the counter is shown

export class Composer {
  #text = byId("text");
  #bytes = byId("bytes");
  #owner;
  /** @type {{start: number, matches: string[], index: number, value: string} | undefined} */
  #completion;

  /**
   * @param {{post: (text: string) => boolean, typed: (text: string) => void, nicks: () => string[],
   *   limit: () => number | undefined}} owner
   */
  constructor(owner) {
    this.#owner = owner;
    byId("composer").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit();
    };
    byId("complete").onclick = () => {
      if (!this.#complete()) this.#insert("@");
      this.focus();
    };
    this.#text.oninput = () => this.#typed();
    this.#text.onkeydown = (/** @type {KeyboardEvent} */ event) => this.#press(event);
  }

  focus() {
    this.#text.focus();
  }

  /** @param {string} draft */
  show(draft) {
    this.#text.value = draft;
    this.#completion = undefined;
    this.#count();
  }

  /** Put a text before what is being written. @param {string} text */
  write(text) {
    this.#text.value = [text, this.#text.value].filter((each) => each !== "").join("\n");
    this.#typed();
    this.focus();
  }

  /** @param {string} placeholder */
  name(placeholder) {
    this.#text.placeholder = placeholder;
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Tab" && !event.shiftKey && this.#complete()) event.preventDefault();
  }

  #submit() {
    const text = this.#text.value;
    if (text.trim() === "" || this.#isTooLong) return;
    if (!this.#owner.post(text)) return;
    this.show("");
    this.#owner.typed("");
  }

  #typed() {
    if (this.#completion?.value !== this.#text.value) this.#completion = undefined;
    this.#count();
    this.#owner.typed(this.#text.value);
  }

  get #size() {
    return new TextEncoder().encode(this.#text.value).length;
  }

  get #isTooLong() {
    return this.#size > (this.#owner.limit() ?? Infinity);
  }

  #count() {
    this.#text.rows = CAN_GROW ? 1 : Math.min(this.#text.value.split("\n").length, MOST_ROWS);
    const limit = this.#owner.limit();
    const isLong = limit !== undefined && this.#size > limit * SHOWN_FROM;
    setText(this.#bytes, isLong ? `${this.#size} of ${limit} bytes` : "");
    this.#bytes.classList.toggle("over", this.#isTooLong);
    this.#text.setAttribute("aria-invalid", String(this.#isTooLong));
    byId("send").disabled = this.#isTooLong;
  }

  /** Complete the nick before the cursor, or take the next one that begins so; returns whether there is one. */
  #complete() {
    const found = this.#completion ?? this.#search();
    if (found === undefined) return false;
    const nick = found.matches[found.index % found.matches.length];
    const end = found.start === 0 ? `${nick}: ` : `${nick} `;
    this.#text.setRangeText(end, found.start, this.#text.selectionStart, "end");
    this.#completion = { ...found, index: found.index + 1, value: this.#text.value };
    this.#typed();
    return true;
  }

  #search() {
    const before = this.#text.value.slice(0, this.#text.selectionStart);
    const begun = /[A-Za-z0-9._-]+$/.exec(before)?.[0].toLowerCase();
    if (begun === undefined) return undefined;
    const matches = this.#owner.nicks().filter((nick) => nick.toLowerCase().startsWith(begun)).sort();
    return matches.length ? { start: before.length - begun.length, matches, index: 0, value: "" } : undefined;
  }

  /** @param {string} text */
  #insert(text) {
    this.#text.setRangeText(text, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#typed();
  }
}
