/**
 * One more device of our account: a link that is opened there.
 *
 * @module
 */

import { byId } from "./page-elements.js";

const NO_CONNECTION = "There is no connection now. Try again when it is back.";

export class Devices {
  #dialog = byId("link");
  #text = byId("link-text");
  #chat;
  #say;

  /**
   * @param {import("./client.js").Chat} chat
   * @param {(words: string) => void} say
   */
  constructor(chat, say) {
    this.#chat = chat;
    this.#say = say;
    this.#dialog.onclose = () => (this.#text.value = "");
    byId("link-copy").hidden = navigator.clipboard === undefined; // it is there on encrypted pages only
    byId("link-copy").onclick = () => navigator.clipboard.writeText(this.#text.value);
  }

  /** Ask for an invite, and show it as a link to this page: now or not at all, since it is a secret. */
  async open() {
    if (this.#chat.state !== "live") return this.#say(NO_CONNECTION);
    try {
      const { invite } = await this.#chat.inviteDevice();
      if (invite !== undefined) this.#show(new URL(`#${invite}`, document.baseURI).href);
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} link a secret */
  #show(link) {
    this.#text.value = link;
    this.#dialog.showModal();
    this.#text.select();
  }
}
