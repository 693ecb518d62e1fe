/**
 * One more device of our account: a link that is opened there.
 *
 * @module
 */

import { byId, make, setText } from "./page-elements.js";

const ASKING = "asking the server…";
const COPIED = "Copied.";
const BY_HAND = "The link is selected: copy it with Ctrl+C (⌘C on a Mac), or hold a finger on it.";

export class Devices {
  #dialog = byId("link");
  #text = byId("link-text");
  #copy = byId("link-copy");
  #notice = this.#dialog.querySelector("[role=status]") ?? make("p", { role: "status" }); // of an earlier chat
  #chat;
  #question;
  /** @type {object | undefined} what is asked and not answered */
  #asked;

  /**
   * @param {import("./client.js").Chat} chat
   * @param {import("./page-question.js").Question} question
   */
  constructor(chat, question) {
    this.#chat = chat;
    this.#question = question;
    this.#text.after(this.#notice);
    this.#dialog.onclose = () => this.#dialog.open || this.#clear(); // it may be open again when this comes
    this.#copy.onclick = () => this.#copyText();
  }

  /** Ask for an invite, and show it as a link to this page: now or not at all, since it is a secret. */
  async open() {
    this.#clear();
    this.#dialog.showModal();
    const asked = (this.#asked = {});
    setText(this.#notice, ASKING);
    try {
      const { invite } = await this.#question.ask((signal) => this.#chat.inviteDevice({ signal }));
      if (asked === this.#asked) this.#show(new URL(`#${invite}`, document.baseURI).href);
    } catch (error) {
      if (asked === this.#asked) setText(this.#notice, error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} link a secret */
  #show(link) {
    this.#text.value = link;
    this.#text.hidden = false;
    this.#copy.hidden = navigator.clipboard === undefined; // it is there on encrypted pages only
    setText(this.#notice, this.#copy.hidden ? BY_HAND : "");
    this.#text.select();
  }

  async #copyText() {
    try {
      await navigator.clipboard.writeText(this.#text.value);
      setText(this.#notice, COPIED);
    } catch {
      setText(this.#notice, BY_HAND);
      this.#text.select();
    }
  }

  /** Ask no more, and keep no link where nobody looks. */
  #clear() {
    this.#asked = undefined;
    this.#question.withdraw();
    this.#text.value = "";
    this.#text.hidden = this.#copy.hidden = true;
    setText(this.#notice, "");
  }
}
