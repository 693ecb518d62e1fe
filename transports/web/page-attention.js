/**
 * Whether somebody looks at the page, has left it, or goes on in another window of this browser.
 *
 * The window that was opened last has the chat. One that learns of a later one leaves it the chat at once, so it never
 * takes it back, whatever its own connection is like.
 *
 * @module
 */

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./page-store.js").Store} Store */

const RETRY_MS = 5_000; // after which what could not be kept is tried again

export class Attention {
  #chat;
  #store;

  /**
   * @param {Chat} chat
   * @param {Store} store
   * @param {{looked: () => void, focused: () => void, left: () => void, retried: () => void}} owner
   * @param {AbortSignal} signal its end
   */
  constructor(chat, store, { looked, focused, left, retried }, signal) {
    this.#chat = chat;
    this.#store = store;
    store.claim();
    addEventListener("storage", () => this.check(), { signal });
    addEventListener("online", () => chat.wake(), { signal });
    addEventListener("focus", focused, { signal });
    addEventListener("pagehide", left, { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#look(looked), { signal });
    const timer = setInterval(() => store.isComplete || this.#retry(retried), RETRY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** Keep what could not be kept, if there is space by now. @param {() => void} retried */
  #retry(retried) {
    this.#store.retry();
    retried();
  }

  /** @param {() => void} looked */
  #look(looked) {
    this.check();
    looked();
    this.#chat.wake();
  }

  /** Leave the chat to a window that was opened later, if there is one. */
  check() {
    if (!this.#store.isOurs) this.#chat.handOver();
  }
}
