/**
 * The dialog that leads to any room of the server: Ctrl+K, a few letters, Enter. That takes the room of this name, or else
 * the first one of the list, once the server has given it. A new room is a line of its own, the last one.
 *
 * @module
 */

import { fold } from "./client-frames.js";
import { byId, make, setText } from "./page-elements.js";

/** @typedef {import("../../docs/protocol.js").RoomEntry} RoomEntry */
/** @typedef {import("../../docs/protocol.js").RoomList} RoomList */
/** @typedef {import("./page-question.js").Question} Question */
/** @typedef {{limit: number, prefix?: string}} Bounds */
/** @typedef {{state: string, listRooms: (bounds: Bounds, how: {signal: AbortSignal}) => Promise<RoomList>}} Chat */

const LISTED = 500; // rooms that are asked for at a time
const SHOWN = 50;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * The rooms that have in their names what was typed, those that begin with it first; and what was typed, if it is the
 * name of another one.
 *
 * @param {RoomEntry[]} rooms
 * @param {string} typed
 * @returns {{found: RoomEntry[], other?: string}}
 */
export function offersFor(rooms, typed) {
  const begun = fold(typed);
  const found = rooms.filter(({ room }) => fold(room).includes(begun));
  const [first, later] = [true, false].map((begins) => found.filter(({ room }) => fold(room).startsWith(begun) === begins));
  const isNew = NAME.test(typed) && !found.some(({ room }) => fold(room) === begun);
  return { found: [...first, ...later], other: isNew ? typed : undefined };
}

/**
 * The room that Enter leads to: the one of this name, the first one, or a new one.
 *
 * @param {RoomEntry[]} rooms
 * @param {string} typed
 */
export function choiceOf(rooms, typed) {
  const { found, other } = offersFor(rooms, typed);
  const exact = found.find(({ room }) => fold(room) === fold(typed));
  return (exact ?? found[0])?.room ?? other;
}

export class Switcher {
  #dialog = byId("switcher");
  #name = byId("switcher-name");
  #chat;
  #go;
  #question;
  /** @type {RoomEntry[]} */
  #rooms = [];
  #hasMore = false; // than were listed
  #asked = 0;
  #isAsking = false;
  #isKnown = false; // which rooms there are
  #isEntered = false; // while the server is asked

  /**
   * @param {Chat} chat
   * @param {Question} question
   * @param {(room: string) => void} go
   */
  constructor(chat, question, go) {
    this.#chat = chat;
    this.#go = go;
    this.#question = question;
    this.#dialog.onclose = () => this.#dialog.open || this.#stop(); // it may be open again when this comes
    byId("switcher-close").onclick = () => this.#dialog.close();
    this.#name.oninput = () => this.#typed();
    byId("switcher-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#enter();
    };
    this.#dialog.onkeydown = (/** @type {KeyboardEvent} */ event) => this.#press(event);
  }

  async open() {
    this.#name.value = "";
    this.#rooms = [];
    this.#isKnown = this.#hasMore = false;
    this.#draw();
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#name.focus();
    await this.#ask();
  }

  #stop() {
    this.#asked++;
    this.#isAsking = this.#isEntered = false;
    this.#question.withdraw();
  }

  /** What was typed of a name. */
  get #begun() {
    return this.#name.value.trim().replace(/^#/, "");
  }

  #typed() {
    this.#isEntered = false;
    this.#draw();
    if (this.#hasMore && NAME.test(this.#begun)) this.#ask(fold(this.#begun));
  }

  /** @param {string} [prefix] of the names of rooms, where there are too many to list all */
  async #ask(prefix) {
    const asked = ++this.#asked;
    this.#isAsking = true;
    this.#say("asking the server…");
    const words = await this.#list(asked, prefix);
    if (asked !== this.#asked) return;
    this.#isAsking = false;
    this.#draw();
    if (words) this.#say(words);
    if (this.#isEntered) this.#enter();
  }

  /**
   * Have the rooms listed; returns why not, if that cannot be.
   *
   * @param {number} asked
   * @param {string} [prefix]
   */
  async #list(asked, prefix) {
    try {
      const bounds = { limit: LISTED, prefix };
      const { rooms, more } = await this.#question.ask((signal) => this.#chat.listRooms(bounds, { signal }));
      if (asked !== this.#asked) return "";
      this.#rooms = rooms;
      this.#isKnown = true;
      this.#hasMore ||= more;
      return "";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
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

  /** Take what Enter leads to, once the rooms are known. */
  #enter() {
    this.#isEntered = this.#isAsking;
    if (this.#isAsking) return;
    const name = this.#begun === "" ? undefined : choiceOf(this.#rooms, this.#begun);
    if (name === undefined) this.#say("A room is called by letters, digits, “-”, “_” and “.”");
    else this.#choose(name);
  }

  /** @param {string} name */
  #choose(name) {
    this.#dialog.close();
    this.#go(name);
  }

  #draw() {
    const { found, other } = offersFor(this.#rooms, this.#begun);
    const items = found.slice(0, SHOWN).map((entry) => this.#row(entry));
    if (other !== undefined && !this.#isAsking) items.push(this.#rowOf(other, `${this.#isKnown ? "Make" : "Go to"} `, ""));
    const list = byId("switcher-rooms");
    if (textOf(items) !== textOf(list.children)) list.replaceChildren(...items); // one of them may have focus
    const others = found.length - SHOWN;
    this.#say(others > 0 ? `${others}${this.#hasMore ? " or more" : ""} others` : "");
  }

  /** @param {RoomEntry} entry */
  #row({ room, count, private: isPrivate }) {
    return this.#rowOf(room, "", ` · ${count} here${isPrivate ? " · private" : ""}`);
  }

  /**
   * @param {string} room
   * @param {string} before
   * @param {string} behind
   */
  #rowOf(room, before, behind) {
    return make("li", {}, make("button", { type: "button", onclick: () => this.#choose(room) },
      before, make("bdi", {}, `#${room}`), behind));
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
