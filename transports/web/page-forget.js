/**
 * How this browser is forgotten: the server revokes its key, and all that the page has kept is removed. Where the server
 * does not answer, the key can be removed here alone, and what remains to be done is said before it is gone.
 *
 * @module
 */

import { byId, setText } from "./page-elements.js";

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./page-access.js").Access} Access */
/** @typedef {import("./page-store.js").Store} Store */

const PATIENCE_MS = 3_000; // after which the server counts as out of reach
const ID_BYTES = 8; // of the hash of a key, by which operators know it

const WITH_KEY = "The server revokes the key of this browser, and the page removes it with all that it has kept here: rooms,"
  + " drafts and lines that are not sent. Your other devices stay. To come back here you need an invite.";
const WITHOUT_KEY = "The page removes all that it has kept here: your name, rooms, drafts and lines that are not sent.";
const OUT_OF_REACH = "The server does not answer. If you leave this page open, it is done when the server is back. You can"
  + " also remove the key here now; then it stays valid until its operator revokes it:";
const NOT_KNOWN = "The server does not know you by the key of this browser, so you cannot have it revoked from here. You can"
  + " remove the key; then it stays valid until the server's operator revokes it:";
const NAME = " NAME is the name of your account.";

export class Forget {
  #dialog = byId("forget");
  #chat;
  #store;
  #access;
  /** @type {AbortController | undefined} */
  #question;
  /** @type {(() => void) | undefined} says why the chat is over, once it is */
  #ended;

  /**
   * @param {Chat} chat
   * @param {Store} store
   * @param {Access} access
   */
  constructor(chat, store, access) {
    this.#chat = chat;
    this.#store = store;
    this.#access = access;
    byId("forget-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#do();
    };
    byId("forget-here").onclick = () => this.#remove();
    byId("forget-cancel").onclick = () => this.#dialog.close();
    this.#dialog.onclose = () => this.#question?.abort();
  }

  /** Whether the server is asked. */
  get #isAsked() {
    return this.#question !== undefined;
  }

  /** The key that is to be revoked: the server may know it before it has let us in here. */
  get #key() {
    const { key, joining } = this.#store.device;
    return joining?.key ?? key;
  }

  /** Whether the server lets us in without the key. */
  get #isUnknown() {
    const { account, state } = this.#chat;
    return this.#access.proofs.key === undefined || (state === "live" && account === undefined);
  }

  open() {
    const hasKey = this.#key !== undefined;
    setText(byId("forget-title"), hasKey ? "Forget this device?" : "Forget me here?");
    setText(byId("forget-text"), hasKey ? WITH_KEY : WITHOUT_KEY);
    this.#say("");
    this.#dialog.showModal();
  }

  /**
   * The chat is over. That may be the answer; if not, its user is told why.
   *
   * @param {() => void} tell
   */
  end(tell) {
    this.#ended = tell;
    if (!this.#isAsked) tell();
  }

  async #do() {
    if (this.#key === undefined) return this.#leave();
    if (this.#isAsked) return undefined;
    if (this.#isUnknown) return this.#offer(NOT_KNOWN);
    this.#question = new AbortController();
    this.#say("asking the server…");
    const late = setTimeout(() => this.#isAsked && this.#offer(OUT_OF_REACH), this.#chat.state === "live" ? PATIENCE_MS : 0);
    try {
      await this.#chat.forgetDevice({ signal: this.#question.signal });
      this.#remove();
    } catch (error) {
      this.#question = undefined;
      if (this.#ended) return this.#ended();
      this.#say(error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(late);
    }
    return undefined;
  }

  /** Somebody without a key only says goodbye: then the name is free. What is not sent is given up, as the dialog says. */
  async #leave() {
    await this.#chat.close({ wait: 0 });
    this.#remove();
  }

  #remove() {
    this.#store.forget();
    location.reload();
  }

  /**
   * Offer to remove the key here alone, and say how it is revoked.
   *
   * @param {string} why
   */
  async #offer(why) {
    const name = this.#chat.account ?? this.#store.device.account;
    const question = this.#question;
    const id = await idOf(this.#key ?? "");
    if (question !== this.#question || !this.#dialog.open) return;
    this.#say(name === undefined ? why.replace(/:$/, `.${NAME}`) : why);
    setText(byId("forget-command"), `chat account revoke ${name ?? "NAME"} ${id}`);
    byId("forget-command").hidden = byId("forget-here").hidden = false;
  }

  /** @param {string} words */
  #say(words) {
    setText(byId("forget-notice"), words);
    byId("forget-command").hidden = byId("forget-here").hidden = true;
    byId("forget-do").disabled = this.#isAsked;
  }
}

/**
 * What an operator knows a key by. Browsers compute it on encrypted pages only; elsewhere the operator has to look.
 *
 * @param {string} key
 */
async function idOf(key) {
  if (crypto.subtle === undefined) return "KEY";
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return [...new Uint8Array(hash).slice(0, ID_BYTES)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
