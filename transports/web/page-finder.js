/**
 * The search: words in all our rooms, newest first; a result leads to its place in its room.
 *
 * @module
 */

import { button, byId, make, setText } from "./page-elements.js";

/** @typedef {import("../../docs/protocol.js").Message} Message */
/** @typedef {import("../../docs/protocol.js").Found} Found */

const EMPTY_PAGES = 10; // after which there is no use in asking on

export class Finder {
  #dialog = byId("finder");
  #search;
  #show;
  #asked = 0;

  /**
   * @param {(query: {query: string, cursor?: string}) => Promise<Found>} search
   * @param {(message: Message) => void} show
   */
  constructor(search, show) {
    this.#search = search;
    this.#show = show;
    byId("finder-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#start(byId("finder-query").value.trim());
    };
    byId("finder-close").onclick = () => this.#dialog.close();
  }

  open() {
    this.#dialog.showModal();
    byId("finder-query").focus();
  }

  /** @param {string} query */
  async #start(query) {
    const asked = ++this.#asked;
    byId("finder-rows").replaceChildren();
    if (query === "") return;
    this.#say("searching…");
    try {
      const messages = await this.#ask(query);
      if (asked === this.#asked) this.#draw(messages);
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} query */
  async #ask(query) {
    let cursor;
    for (let page = 0; page < EMPTY_PAGES; page++) {
      const found = await this.#search({ query, cursor });
      cursor = found.cursor;
      if (found.messages.length || cursor === undefined) return found.messages;
    }
    return [];
  }

  /** @param {Message[]} messages */
  #draw(messages) {
    this.#say(messages.length ? `${messages.length} found` : "nothing found");
    byId("finder-rows").replaceChildren(...messages.map((message) => make("li", {},
      make("bdi", { class: "nick" }, `#${message.room} ${message.nick}`), " ",
      make("div", { class: "text", dir: "auto" }, message.text), button("Go there", () => this.#goTo(message)))));
  }

  /** @param {Message} message */
  #goTo(message) {
    this.#dialog.close();
    this.#show(message);
  }

  /** @param {string} words */
  #say(words) {
    setText(byId("finder-notice"), words);
  }
}
