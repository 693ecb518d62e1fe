/**
 * The dialog that leads to any room of the server: Ctrl+K, a few letters, Enter.
 *
 * @module
 */

import { byId, make, setText } from "./page-elements.js";

/** @typedef {import("../../docs/protocol.js").RoomEntry} RoomEntry */
/** @typedef {import("../../docs/protocol.js").RoomList} RoomList */

const LISTED = 500; // rooms that are asked for at a time
const SHOWN = 50;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;

export class Switcher {
  #dialog = byId("switcher");
  #name = byId("switcher-name");
  #list;
  #go;
  /** @type {RoomEntry[]} */
  #rooms = [];
  #hasMore = false; // than were listed
  #asked = 0;

  /**
   * @param {(bounds: {limit: number, prefix?: string}) => Promise<RoomList>} list
   * @param {(room: string) => void} go
   */
  constructor(list, go) {
    this.#list = list;
    this.#go = go;
    byId("switch").onclick = () => this.open();
    byId("switcher-close").onclick = () => this.#dialog.close();
    this.#name.oninput = () => this.#typed();
    byId("switcher-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.choose(this.#name.value.trim().replace(/^#/, ""));
    };
    this.#dialog.onkeydown = (/** @type {KeyboardEvent} */ event) => this.#press(event);
  }

  async open() {
    this.#name.value = "";
    this.#rooms = [];
    this.#draw();
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#name.focus();
    await this.#ask();
  }

  /** What was typed, as a name may begin. */
  get #begun() {
    return this.#name.value.trim().replace(/^#/, "").toLowerCase();
  }

  #typed() {
    this.#draw();
    if (this.#hasMore && NAME.test(this.#begun)) this.#ask(this.#begun);
  }

  /** @param {string} [prefix] of the names of rooms, where there are too many to list all */
  async #ask(prefix) {
    const asked = ++this.#asked;
    this.#say("asking the server…");
    try {
      const { rooms, more } = await this.#list({ limit: LISTED, prefix });
      if (asked !== this.#asked) return;
      this.#rooms = rooms;
      this.#hasMore ||= more;
      this.#draw();
    } catch (error) {
      if (asked === this.#asked) this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  /** Go through the rooms by the arrows. @param {KeyboardEvent} event */
  #press(event) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const all = [this.#name, ...byId("switcher-rooms").querySelectorAll("button")];
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  }

  /**
   * Go to a room, if it can be called so.
   *
   * @param {string} name
   */
  choose(name) {
    if (!NAME.test(name)) return this.#say("A room is called by letters, digits, “-”, “_” and “.”");
    this.#dialog.close();
    return this.#go(name);
  }

  #draw() {
    const found = this.#rooms.filter(({ room }) => room.toLowerCase().includes(this.#begun));
    const items = found.slice(0, SHOWN).map((entry) => this.#row(entry));
    const list = byId("switcher-rooms");
    if (textOf(items) !== textOf(list.children)) list.replaceChildren(...items); // one of them may have focus
    const others = found.length - SHOWN;
    this.#say(others > 0 ? `${others}${this.#hasMore ? " or more" : ""} others` : "");
  }

  /** @param {RoomEntry} entry */
  #row({ room, count, private: isPrivate }) {
    const what = isPrivate ? " · private" : "";
    return make("li", {}, make("button", { type: "button", onclick: () => this.choose(room) },
      make("bdi", {}, `#${room}`), ` · ${count} here${what}`));
  }

  /** @param {string} words */
  #say(words) {
    setText(byId("switcher-notice"), words);
  }
}

/** @param {Iterable<Element>} elements */
function textOf(elements) {
  return Array.from(elements, ({ textContent }) => textContent).join();
}
