/**
 * The search: words in all our rooms, newest first; a result leads to its place in its room.
 *
 * The server bounds its work, so a page of results may be empty though there are more: then the next one is asked for.
 *
 * @module
 */

import { button, byId, make, nickOf, setText } from "./page-elements.js";
import { nodesOf } from "./page-text.js";

/** @typedef {import("../../docs/protocol.js").Message} Message */
/** @typedef {import("../../docs/protocol.js").Found} Found */
/** @typedef {import("./page-question.js").Question} Question */
/** @typedef {{nick: string, state: string,
 *   search: (query: {query: string, cursor?: string, limit?: number}, how: {signal: AbortSignal}) => Promise<Found>}} Chat */

const SEARCHING = "searching…";
const FOUND = 20; // messages of a page
const EMPTY_PAGES = 10; // after which its user is asked whether to go on

export class Finder {
  #dialog = byId("finder");
  #rows = byId("finder-rows");
  #chat;
  #show;
  #question;
  #asked = 0;
  #query = "";
  /** @type {string | undefined} */
  #cursor;

  /**
   * @param {Chat} chat
   * @param {Question} question
   * @param {(message: Message) => void} show
   */
  constructor(chat, question, show) {
    this.#chat = chat;
    this.#show = show;
    this.#question = question;
    this.#dialog.onclose = () => this.#dialog.open || this.#stop(); // it may be open again when this comes
    byId("finder-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#start(byId("finder-query").value.trim());
    };
    byId("finder-mentions").onclick = () => this.#start(chat.nick);
    byId("finder-more").onclick = () => this.#search();
    byId("finder-close").onclick = () => this.#dialog.close();
  }

  open() {
    this.#dialog.showModal();
    byId("finder-query").select();
  }

  /** @param {string} query */
  #start(query) {
    this.#query = byId("finder-query").value = query;
    this.#cursor = undefined;
    this.#rows.replaceChildren();
    this.#say("");
    if (query !== "") this.#search();
  }

  async #search() {
    const asked = ++this.#asked;
    this.#say(SEARCHING);
    try {
      const messages = await this.#ask(asked);
      if (asked === this.#asked) this.#draw(messages);
    } catch (error) {
      if (asked === this.#asked) this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {number} asked */
  async #ask(asked) {
    for (let page = 0; page < EMPTY_PAGES && asked === this.#asked; page++) {
      const query = { query: this.#query, cursor: this.#cursor, limit: FOUND };
      const { messages, cursor } = await this.#question.ask((signal) => this.#chat.search(query, { signal }));
      if (asked === this.#asked) this.#cursor = cursor;
      if (messages.length || cursor === undefined) return messages;
    }
    return [];
  }

  /** @param {Message[]} messages */
  #draw(messages) {
    this.#rows.append(...messages.map((message) => this.#row(message)));
    const count = this.#rows.children.length;
    this.#say(count ? `${count} found` : "nothing found");
    byId("finder-more").hidden = this.#cursor === undefined;
  }

  /** @param {Message} message */
  #row(message) {
    return make("li", {},
      make("div", {}, nickOf(message.nick), " ", make("bdi", { class: "quiet" }, `#${message.room} · ${momentOf(message)}`)),
      make("div", { class: "text", dir: "auto" }, ...nodesOf(message.text)), button("Go there", () => this.#goTo(message)));
  }

  /** Nobody waits for an answer any more. */
  #stop() {
    if (byId("finder-notice").textContent === SEARCHING) this.#say("");
    this.#asked++;
    this.#question.withdraw();
  }

  /** @param {Message} message */
  #goTo(message) {
    this.#dialog.close();
    this.#show(message);
  }

  /** @param {string} words */
  #say(words) {
    setText(byId("finder-notice"), words);
    byId("finder-more").hidden = true;
  }
}

const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** @param {Message} message */
const momentOf = ({ at }) => (Number.isNaN(Date.parse(at)) ? "" : moments.format(new Date(at)));
