/**
 * The dialog that asks the server for another name.
 *
 * @module
 */

import { byId, setText } from "./page-elements.js";

/** @typedef {import("./client.js").Chat} Chat */

const WORDS = /** @type {Record<string, string>} */ ({
  nick_taken: "Somebody else has this name, or had it a moment ago.",
});

export class Rename {
  #dialog = byId("rename");
  #nick = byId("rename-nick");
  #chat;

  /** @param {Chat} chat */
  constructor(chat) {
    this.#chat = chat;
    byId("rename-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#do(this.#nick.value.trim());
    };
    byId("rename-close").onclick = () => this.#dialog.close();
  }

  open() {
    const { nick, account } = this.#chat;
    this.#nick.value = nick;
    setText(byId("rename-rule"), account ? `Your account may be “${account}”, or “${account}-” and more.` : "");
    this.#say("");
    this.#dialog.showModal();
    this.#nick.select();
  }

  /** @param {string} nick */
  async #do(nick) {
    if (this.#chat.state !== "live") return this.#say("There is no connection now. Try again when it is back.");
    try {
      await this.#chat.setNick(nick);
      this.#dialog.close();
    } catch (error) {
      this.#say(wordsFor(error));
    }
  }

  /** @param {string} words */
  #say(words) {
    setText(byId("rename-notice"), words);
  }
}

/** @param {any} error */
const wordsFor = ({ code, message }) => WORDS[code] ?? `${message}.`;
