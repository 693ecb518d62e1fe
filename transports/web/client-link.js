/**
 * One connection of a chat: the socket, the lines in its messages, and the signs of life of the server.
 *
 * It begins with our `hello`, and is *live* once the server has said `welcome`. Scripts do not see a WebSocket's own
 * pings, so the server sends its own as frames, and so do we: when nothing was heard for a while we ask, and when that
 * brings no answer either, the connection is given up. Any message is a sign of life, and so is progress in writing.
 *
 * @module
 */

/** @typedef {import("../../docs/protocol.js").ClientFrame} ClientFrame */
/** @typedef {import("../../docs/protocol.js").ClientLimits} ClientLimits */

/**
 * What a link tells its owner.
 *
 * @typedef {object} Owner
 * @property {(link: Link) => void} opened the socket is open
 * @property {(link: Link, lines: string[]) => void} received
 * @property {(link: Link, what: string) => void} confused something came that is no line
 * @property {(link: Link) => void} ended the socket is closed, or was never open
 */

/**
 * How many seconds a server may take: for its `welcome`; for an acknowledgement, until we ask for a sign of life; and
 * for that.
 *
 * @typedef {{welcome: number, ack: number, life: number}} Patience
 */

const SUBPROTOCOL = "chatcore.v1";
const GOODBYE = 1000; // any other code means that the connection broke, and the nick stays reserved
const GIVEN_UP = 4000;
const KEEPALIVE_SECONDS = 30;
const IDLE_SECONDS = 60;

export class Link {
  #socket;
  #patience;
  #openedAt;
  #heardAt;
  #isAsked = false; // since the server was heard last
  #owedBy = Infinity; // when it is given up because we have asked
  #buffered = 0;
  isLive = false;

  /**
   * @param {string} address
   * @param {typeof WebSocket} Socket
   * @param {Owner} owner
   * @param {Patience} patience
   * @param {number} now
   */
  constructor(address, Socket, owner, patience, now) {
    this.#patience = patience;
    this.#openedAt = now;
    this.#heardAt = now;
    this.#socket = new Socket(address, SUBPROTOCOL);
    this.ended = this.#listen(owner);
  }

  /** @param {Owner} owner */
  #listen(owner) {
    const socket = this.#socket;
    socket.addEventListener("open", () => owner.opened(this));
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") owner.received(this, data.split("\n"));
      else owner.confused(this, "the server sent a message that is not text");
    });
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      const end = () => {
        resolve();
        owner.ended(this);
      };
      socket.addEventListener("error", end); // Node has no `close` after it if there was no connection
      socket.addEventListener("close", end);
    }));
  }

  /** @param {ClientFrame} frame */
  send(frame) {
    this.sendLine(JSON.stringify(frame));
  }

  /** @param {string} line */
  sendLine(line) {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(line);
  }

  goLive() {
    this.isLive = true;
  }

  /** End it for good: the nick is free then. */
  sayGoodbye() {
    this.#socket.close(GOODBYE);
  }

  /** End it so that we can come back. */
  giveUp() {
    this.#socket.close(GIVEN_UP);
  }

  /** @param {number} now */
  noteLife(now) {
    this.#heardAt = now;
    this.#isAsked = false;
    this.#owedBy = Infinity;
  }

  /**
   * Ask for a sign of life, unless that was done since the last one.
   *
   * @param {number} now
   */
  ask(now) {
    if (!this.isLive || this.#owedBy < Infinity) return;
    this.#owedBy = now + this.#patience.life;
    this.#ping();
  }

  /** How long this link has existed without a `welcome`. @param {number} now */
  waitingFor(now) {
    return this.isLive ? 0 : now - this.#openedAt;
  }

  /**
   * When the silence has lasted too long: first for a ping, then to give up.
   *
   * @param {ClientLimits} limits
   * @param {number | null} unackedSince when the last post was sent or acknowledged, if one is on its way
   */
  deadline(limits, unackedSince) {
    if (!this.isLive) return this.#openedAt + this.#patience.welcome;
    const ackDueAt = this.#owedBy < Infinity ? Infinity : this.#ackDueAt(unackedSince);
    return Math.min(this.#owedBy, this.#silentAt(limits), ackDueAt);
  }

  /**
   * Do what is due; returns whether the connection is to be given up.
   *
   * @param {number} now
   * @param {ClientLimits} limits
   * @param {number | null} unackedSince
   */
  isOver(now, limits, unackedSince) {
    if (this.deadline(limits, unackedSince) > now) return false;
    if (this.#socket.bufferedAmount < this.#buffered) this.noteLife(now);
    this.#buffered = this.#socket.bufferedAmount;
    if (this.deadline(limits, unackedSince) > now) return false;
    if (!this.isLive || this.#owedBy <= now || (this.#isAsked && this.#silentAt(limits) <= now)) return true;
    if (this.#ackDueAt(unackedSince) <= now) this.ask(now);
    else this.#ping();
    return false;
  }

  #ping() {
    this.#isAsked = true;
    this.send({ type: "ping" });
  }

  /** @param {ClientLimits} limits */
  #silentAt(limits) {
    const keepalive = limits.keepalive_seconds ?? KEEPALIVE_SECONDS;
    const idle = Math.max(limits.idle_seconds ?? IDLE_SECONDS, 2 * keepalive);
    return this.#heardAt + (this.#isAsked ? idle : keepalive);
  }

  /** @param {number | null} since */
  #ackDueAt(since) {
    return since === null ? Infinity : Math.max(since, this.#heardAt) + this.#patience.ack;
  }
}
