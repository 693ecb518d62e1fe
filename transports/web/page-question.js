/**
 * What a dialog asks the server: at once or not at all, and only while it is open. So nothing is done later that its user
 * does not see any more.
 *
 * @module
 */

const PATIENCE_MS = 10_000; // for an answer
const NO_CONNECTION = "there is no connection now; try again when it is back";
const NO_ANSWER = "the server does not answer";

export class Question {
  #chat;
  #patience;
  #stop = new AbortController();

  /**
   * @param {{state: string}} chat
   * @param {number} [patience]
   */
  constructor(chat, patience = PATIENCE_MS) {
    this.#chat = chat;
    this.#patience = patience;
  }

  /**
   * Ask; what was asked before is withdrawn. Throws what is to be said instead of an answer: if none has come, that is
   * called `NoAnswer`, and what was asked may be done or not.
   *
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} call
   * @returns {Promise<T>}
   */
  async ask(call) {
    this.withdraw();
    if (this.#chat.state !== "live") throw new Error(NO_CONNECTION);
    const stop = this.#stop = new AbortController();
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      stop.abort();
    }, this.#patience);
    try {
      return await call(stop.signal);
    } catch (error) {
      throw isLate ? Object.assign(new Error(NO_ANSWER), { name: "NoAnswer" }) : error;
    } finally {
      clearTimeout(late);
    }
  }

  /** Ask no more: whoever asked has gone. */
  withdraw() {
    this.#stop.abort();
  }
}
