/**
 * The dialog that asks the server for another name.
 *
 * @module
 */

import { byId, setText } from "./page-elements.js";

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./page-question.js").Question} Question */

const WORDS = /** @type {Record<string, string>} */ ({
  nick_taken: "Somebody else has this name, or had it a moment ago.",
});

export class Rename {
  #dialog = byId("rename");
  #nick = byId("rename-nick");
  #chat;
  #question;
  /** @type {object | undefined} what is asked and not answered */
  #asked;

  /**
   * @param {Chat} chat
   * @param {Question} question
   */
  constructor(chat, question) {
    this.#chat = chat;
    this.#question = question;
    byId("rename-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#do(this.#nick.value.trim());
    };
    byId("rename-close").onclick = () => this.#dialog.close();
    this.#dialog.onclose = () => this.#dialog.open || this.#stop();
  }

  open() {
    this.#stop(); // the dialog may be open again before its end is told
    const { nick, account } = this.#chat;
    this.#nick.value = nick;
    setText(byId("rename-rule"), account ? `Your account may be “${account}”, or “${account}-” and more.` : "");
    this.#say("");
    this.#dialog.showModal();
    this.#nick.select();
  }

  /** @param {string} nick */
  async #do(nick) {
    const asked = (this.#asked = {});
    this.#say("asking the server…");
    try {
      await this.#question.ask((signal) => this.#chat.setNick(nick, { signal }));
      this.#dialog.close();
    } catch (error) {
      if (this.#asked === asked) this.#say(wordsFor(error));
    }
  }

  /** Ask no more. */
  #stop() {
    this.#asked = undefined;
    this.#question.withdraw();
  }

  /** @param {string} words */
  #say(words) {
    setText(byId("rename-notice"), words);
  }
}

/** @param {any} error */
const wordsFor = ({ code, message }) => WORDS[code] ?? `${message}.`;
