/**
 * The state of the connection and of what this browser keeps, in words.
 *
 * @module
 */

/** @typedef {import("./client-types.js").Offline} Offline */
/** @typedef {import("./page-store.js").Store} Store */

const REASONS = /** @type {Record<string, string>} */ ({
  drain: "the server restarts",
  timeout: "the server does not answer",
  lost: "the connection was lost",
  stalled: "this page was too slow",
  nick_taken: "your name is in use",
});
const MANY = 2; // connections in turn that fail while the page loads: something in between lets no socket through
const PATIENCE_MS = 5_000;

const BLOCKED = "offline: no connection, though the page can be loaded; if there is a proxy, it has to pass on Host and"
  + " Upgrade; trying again";
const FORBIDDEN = "This browser lets the page keep nothing";
const FULL = "The storage of this browser is full";

export class State {
  /** @type {Offline | undefined} why there is no connection */
  #offline;
  #wasLive = false;
  #failed = 0;
  #isBlocked = false;
  #loads;

  /** @param {() => Promise<boolean>} [loads] whether the page can be loaded now */
  constructor(loads = loadsPage) {
    this.#loads = loads;
  }

  /** @param {Offline} offline */
  async goOffline(offline) {
    this.#offline = offline;
    this.#failed = offline.reason === "lost" && !this.#wasLive ? this.#failed + 1 : 0;
    this.#isBlocked = this.#failed >= MANY && (await this.#loads());
  }

  /**
   * @param {string} state of the chat
   * @param {Store} store
   */
  wordsFor(state, store) {
    this.#wasLive ||= state === "live";
    return [this.#wordsFor(state), store.isComplete ? "" : wordsForUnkept(store)].filter(Boolean).join(". ");
  }

  /** @param {string} state */
  #wordsFor(state) {
    if (state === "live") return "";
    if (state === "closed") return "closed";
    if (this.#offline === undefined) return state === "connecting" ? "connecting…" : "offline: no connection yet; trying again";
    if (this.#wasLive || this.#offline.reason !== "lost") return `offline: ${wordsFor(this.#offline)}; trying again`;
    return this.#isBlocked ? BLOCKED : "offline: no connection yet; trying again";
  }
}

/** Why something is not kept. @param {Store} store */
export const whyUnkept = ({ isAllowed }) => (isAllowed ? FULL : FORBIDDEN);

/** @param {Store} store */
const wordsForUnkept = (store) =>
  `${whyUnkept(store)}: ${store.losesKey ? "your key and what is not sent are" : "what is not sent is"} lost with this window`;

/** @param {Offline} offline */
const wordsFor = ({ reason, message }) => REASONS[reason] ?? message ?? reason;

/** Ask for a file of the page. */
async function loadsPage() {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    return (await fetch(new URL("icon.svg", document.baseURI), { cache: "no-store", signal })).ok;
  } catch {
    return false;
  }
}
