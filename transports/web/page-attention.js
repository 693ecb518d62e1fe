/**
 * What the browser tells the page as a whole: keys that are pressed, and whether somebody looks at it, has left it, or goes
 * on in another window of this browser.
 *
 * The window that was opened last has the chat. One that learns of a later one leaves it the chat at once, so it never
 * takes it back, whatever its own connection is like.
 *
 * @module
 */

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./page-store.js").Store} Store */
/**
 * @typedef {{openSwitcher: () => void, openNext: (step: number) => void, goToLatest: () => void, focus: () => void}} Target
 */

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

/**
 * What the keyboard does, wherever it stands: Ctrl+K for any room, Alt+Up and Alt+Down for the next one, Esc for the end
 * of this one.
 */
export class Keys {
  #stop = new AbortController();
  #target;

  /** @param {Target} target */
  constructor(target) {
    this.#target = target;
    document.addEventListener("keydown", (event) => this.#press(event), { signal: this.signal });
  }

  get signal() {
    return this.#stop.signal;
  }

  stop() {
    this.#stop.abort();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const action = this.#actionOf(event);
    if (action === undefined || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    action();
  }

  /** @param {KeyboardEvent} event */
  #actionOf({ key, ctrlKey, altKey, metaKey, isComposing }) {
    const target = this.#target;
    if (isComposing) return undefined;
    if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === "k") return () => target.openSwitcher();
    if (altKey && key === "ArrowUp") return () => target.openNext(-1);
    if (altKey && key === "ArrowDown") return () => target.openNext(1);
    if (key !== "Escape") return undefined;
    return () => {
      target.goToLatest();
      target.focus();
    };
  }
}
